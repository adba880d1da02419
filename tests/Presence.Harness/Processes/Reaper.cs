namespace Presence.Harness.Processes;

/// <summary>
/// Ends what a test run has started even if the run itself is killed: a shell that is told of every process, folder and network
/// namespace, and cleans up when the pipe from this process closes.
/// </summary>
public static class Reaper
{
    // Paused processes are killed too: SIGKILL needs no cooperation. Whatever was given back before is left alone.
    private const string Script = """
        pids=' ' folders='' spaces=''
        while read -r word name; do
          case $word in
            pid) pids="$pids$name " ;;
            ended) case $pids in *" $name "*) pids="${pids%%" $name "*} ${pids#*" $name "}" ;; esac ;;
            folder) folders="$folders $name" ;;
            namespace) spaces="$spaces $name" ;;
          esac
        done
        for pid in $pids; do kill -KILL "$pid"; done
        for space in $spaces; do ip netns delete "$space"; done
        for folder in $folders; do rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }; done
        """;

    private static readonly Lazy<StreamWriter?> Pipe = new(Start);

    public static void Watch(int process) => Tell("pid", process.ToString(CultureInfo.InvariantCulture));

    /// <summary>The process has ended: its number may soon be somebody else's.</summary>
    public static void Ended(int process) => Tell("ended", process.ToString(CultureInfo.InvariantCulture));

    /// <summary>Takes note of a folder without blanks in its path.</summary>
    public static void WatchFolder(string path) => Tell("folder", path);

    public static void WatchNamespace(string name) => Tell("namespace", name);

    private static void Tell(string word, string name)
    {
        if (Pipe.Value is not { } pipe)
        {
            return;
        }

        lock (pipe)
        {
            pipe.WriteLine($"{word} {name}");
        }
    }

    private static StreamWriter? Start()
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        // A session of its own, where there is one to be had: a signal to the terminal's group must not end it before its work.
        var detached = Executable.Find("setsid");
        var start = detached is null
            ? new ProcessStartInfo("sh", ["-c", Script])
            : new ProcessStartInfo(detached, ["sh", "-c", Script]);
        start.RedirectStandardInput = true;
        start.RedirectStandardError = true;
        var shell = Process.Start(start)!;
        shell.StandardInput.AutoFlush = true;
        return shell.StandardInput;
    }
}
