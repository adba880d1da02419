namespace Presence.Harness.Members;

/// <summary>A member as a process of its own, whose end goes into the history.</summary>
public abstract class OwnedMember(string name, History history) : IAsyncDisposable
{
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(30);

    private OwnedProcess _process = null!;

    public string Name => name;

    public string Log => _process.Output;

    /// <summary>Of the member, or of what it is started by where it has a prefix.</summary>
    public int ProcessId => _process.Id;

    public bool HasEnded => _process.HasEnded;

    public Task Ended => _process.Ended;

    public int ExitCode => _process.ExitCode;

    protected History History => history;

    /// <summary>Stands before the number of the process in the name of the file with the log.</summary>
    protected virtual string LogName => name;

    /// <summary>SIGTERM, and the end.</summary>
    /// <returns>How long it took to end.</returns>
    public async Task<TimeSpan> TerminateAsync()
    {
        History.Add(new MemberEnded(History.Now, Name, MemberEnd.Stopped));
        Signal(UnixSignal.Terminate);
        var took = await WaitForEndAsync(StopWithin);
        await _process.Drained.WaitAsync(StopWithin);
        return took;
    }

    /// <summary><c>kill -9</c>, and the end.</summary>
    public async Task KillAsync()
    {
        History.Add(new MemberEnded(History.Now, Name, MemberEnd.Killed));
        await _process.KillAsync();
        await _process.Drained.WaitAsync(StopWithin);
    }

    /// <summary>Waits until the process ends by itself.</summary>
    public Task<TimeSpan> WaitForEndAsync(TimeSpan within) => _process.WaitForEndAsync(within);

    /// <summary>Ends the process in whatever state it is, and keeps its log among the results.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        await File.WriteAllTextAsync(
            Path.Combine(HostFiles.Results, $"{DateTime.UtcNow:HHmmss}-{LogName}-{_process.Id}.log"), _process.Output);
        GC.SuppressFinalize(this);
    }

    protected void Signal(UnixSignal signal) => _process.Signal(signal);

    /// <summary>Starts a program of ours.</summary>
    /// <param name="prefix">Words before its command line, for example to enter a network namespace.</param>
    /// <param name="arguments">The assembly and its arguments.</param>
    /// <param name="database">The connection string; null for none.</param>
    /// <param name="more">Sets folder and environment.</param>
    protected void Begin(
        IEnumerable<string> prefix, string[] arguments, string? database, Action<ProcessStartInfo>? more = null)
    {
        var dotnet = Environment.ProcessPath is { } own && Path.GetFileName(own) == "dotnet" ? own : "dotnet";
        string[] command = [.. prefix, dotnet, .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..]);
        start.Environment["DOTNET_NOLOGO"] = "1";
        if (database is not null)
        {
            start.Environment["ConnectionStrings__Presence"] = database;
        }

        more?.Invoke(start);
        _process = OwnedProcess.Start(start, Hear);
    }

    /// <summary>Called for each line that the process writes.</summary>
    protected abstract void Hear(string line);
}
