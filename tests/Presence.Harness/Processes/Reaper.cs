namespace Presence.Harness.Processes;

/// <summary>
/// Cleans up after a test run even if the run is killed: a shell that gets the name of every process, folder and
/// network namespace, and removes them when the pipe from this process closes.
/// </summary>
public static class Reaper
{
    // SIGKILL also ends suspended processes. Released names are skipped.
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

    public static void Watch(int process) => Write("pid", process.ToString(CultureInfo.InvariantCulture));

    /// <summary>Removes a process that has ended: its id may be reused.</summary>
    public static void Ended(int process) => Write("ended", process.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a folder; its path must not contain blanks.</summary>
    public static void WatchFolder(string path) => Write("folder", path);

    public static void WatchNamespace(string name) => Write("namespace", name);

    private static void Write(string word, string name)
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

        // In its own session, where possible: a signal to the terminal's process group must not end it.
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
