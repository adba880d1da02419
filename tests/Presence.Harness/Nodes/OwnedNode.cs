namespace Presence.Harness.Nodes;

/// <summary>A node as a process, whose end is recorded in the history.</summary>
public abstract class OwnedNode(string name, History history) : IAsyncDisposable
{
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(30);

    private OwnedProcess _process = null!;

    public string Name => name;

    public string Log => _process.Output;

    /// <summary>The process id, or that of its launcher if it has a prefix.</summary>
    public int ProcessId => _process.Id;

    public bool HasEnded => _process.HasEnded;

    /// <summary>Completes when the process has ended and all of its output was read.</summary>
    public Task Ended { get; private set; } = null!;

    public int ExitCode => _process.ExitCode;

    protected History History => history;

    /// <summary>Gets the prefix of the log file's name, before the process id.</summary>
    protected virtual string LogName => name;

    /// <summary>Sends SIGTERM and waits for the end.</summary>
    /// <returns>How long it took to end.</returns>
    public async Task<TimeSpan> TerminateAsync()
    {
        History.Add(new NodeEnded(History.Now, Name, NodeEndReason.Stopped));
        Signal(UnixSignal.Terminate);
        return await WaitForEndAsync(StopWithin);
    }

    /// <summary>Kills it (<c>kill -9</c>) and waits for the end.</summary>
    public async Task KillAsync()
    {
        History.Add(new NodeEnded(History.Now, Name, NodeEndReason.Killed));
        await _process.KillAsync();
        await Ended.WaitAsync(StopWithin);
    }

    /// <summary>Waits until the process ends by itself.</summary>
    public async Task<TimeSpan> WaitForEndAsync(TimeSpan within)
    {
        var took = await _process.WaitForEndAsync(within);
        await Ended.WaitAsync(StopWithin);
        return took;
    }

    /// <summary>Ends the process in any state, and keeps its log in the test results.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        await File.WriteAllTextAsync(
            Path.Combine(HostFiles.Results, $"{DateTime.UtcNow:HHmmss}-{LogName}-{_process.Id}.log"), _process.Output);
        GC.SuppressFinalize(this);
    }

    protected void Signal(UnixSignal signal) => _process.Signal(signal);

    /// <summary>Starts a program of this repository.</summary>
    /// <param name="prefix">Prefix of its command line, for example to enter a network namespace.</param>
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
        _process = OwnedProcess.Start(start, OnLine);
        Ended = Task.WhenAll(_process.Ended, _process.Drained);
    }

    /// <summary>Called for each line that the process writes.</summary>
    protected abstract void OnLine(string line);
}
