namespace Presence.Harness.Unique;

/// <summary>Three silos as processes with the same unique processes, each with its own links.</summary>
public sealed class UniqueTrio : IAsyncDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(40);

    /// <summary>The status number of a dead silo in Orleans' table.</summary>
    private const int Dead = 6;

    private static readonly TimeSpan StartWithin = TimeSpan.FromMinutes(3);

    private readonly UniqueTrioOptions _options;
    private readonly PostgresServer _server;
    private readonly IReadOnlyList<INodeOutput> _lines;
    private readonly UniqueNodeProgram?[] _nodes = new UniqueNodeProgram?[3];
    private int _repeatedStarts;

    /// <param name="lines">Three links; the trio disposes them.</param>
    public UniqueTrio(UniqueTrioOptions options, PostgresServer server, IReadOnlyList<INodeOutput> lines)
    {
        (_options, _server, _lines) = (options, server, lines);
        Resource = new FencedResource(History, options.ResourceAddress);
    }

    public UniqueTrioOptions Options => _options;

    public History History { get; } = new();

    public FencedResource Resource { get; }

    /// <summary>Gets whether a node is started again because its last start failed.</summary>
    public bool IsRepeatingAStart => Volatile.Read(ref _repeatedStarts) > 0;

    /// <summary>Starts the nodes that do not run, in parallel, until all three are on standby.</summary>
    public Task StartAsync() =>
        Task.WhenAll(Enumerable.Range(0, 3).Where(node => !IsRunning(node)).Select(StartNodeAsync));

    /// <summary>Returns m1, m2 or m3.</summary>
    public static string Name(int node) => $"m{node + 1}";

    public bool IsRunning(int node) => _nodes[node] is { HasEnded: false };

    /// <summary>Returns the log of a node's current or last run.</summary>
    public string Log(int node) => _nodes[node]!.Log;

    /// <summary>Starts or restarts a node.</summary>
    /// <remarks>
    /// A connection failure ends a start; like an operator, this starts the node again, for up to three minutes.
    /// </remarks>
    public async Task StartNodeAsync(int node)
    {
        var clock = Stopwatch.StartNew();
        if (await TryStartAsync(node, isLast: false))
        {
            return;
        }

        Interlocked.Increment(ref _repeatedStarts);
        try
        {
            while (!await TryStartAsync(node, isLast: clock.Elapsed > StartWithin))
            {
                // Its log is of no interest as long as another start may succeed.
            }
        }
        finally
        {
            Interlocked.Decrement(ref _repeatedStarts);
        }
    }

    public Task KillAsync(int node) => EndAsync(node, m => m.KillAsync());

    public Task TerminateAsync(int node) => EndAsync(node, m => m.TerminateAsync());

    public void Pause(int node) => _nodes[node]!.Pause();

    public void Continue(int node) => _nodes[node]!.Continue();

    /// <summary>Disconnects a node from the database.</summary>
    public async Task CutAsync(int node)
    {
        History.Add(new StoreLost(History.Now, Name(node)));
        await _lines[node].CutAsync();
    }

    public async Task HealAsync(int node)
    {
        await _lines[node].HealAsync();
        History.Add(new StoreFound(History.Now, Name(node)));
    }

    /// <summary>Disconnects a node from the database and from the others.</summary>
    /// <returns>False if not supported.</returns>
    public Task<bool> TryIsolateAsync(int node) => TryAsync(node, line => line.TryIsolateAsync());

    /// <summary>Ends <see cref="TryIsolateAsync"/>.</summary>
    public async Task RejoinAsync(int node)
    {
        await _lines[node].RejoinAsync();
        History.Add(new StoreFound(History.Now, Name(node)));
    }

    /// <summary>Waits until a node is declared dead, which is recorded as its end.</summary>
    public async Task UntilDeclaredDeadAsync(int node)
    {
        await TestTimeouts.UntilAsync($"{Name(node)} is declared dead", Generous, async () =>
            await _server.ReadAsync<long>(
            $"SELECT count(*) FROM presence_orleans.silo WHERE cluster = '{_options.Schema}' "
            + $"AND name = '{Name(node)}' AND status <> {Dead}") == 0);
    }

    /// <summary>Waits until a node that was declared dead has ended itself.</summary>
    public async Task UntilEndedAsync(int node)
    {
        await _nodes[node]!.Ended.WaitAsync(Generous);
        History.Add(new NodeEnded(History.Now, Name(node), NodeEndReason.Killed));
        await _nodes[node]!.DisposeAsync();
    }

    /// <summary>Delays the data between a node and the database; zero ends that.</summary>
    /// <returns>False if not supported.</returns>
    public bool TrySlow(int node, TimeSpan delay)
    {
        var at = History.Now;
        if (!_lines[node].TrySlow(delay))
        {
            return false;
        }

        History.Add(delay > TimeSpan.Zero ? new StoreLost(at, Name(node)) : new StoreFound(at, Name(node)));
        return true;
    }

    /// <summary>Drops packets on all links of a node.</summary>
    /// <returns>False if not supported.</returns>
    public Task<bool> TryLoseAsync(int node, int percent) => TryAsync(node, line => line.TryLoseAsync(percent));

    /// <summary>Ends <see cref="TryLoseAsync"/>.</summary>
    /// <returns>The number of dropped packets.</returns>
    public async Task<long> RecoverAsync(int node)
    {
        var lost = await _lines[node].RecoverAsync();
        History.Add(new StoreFound(History.Now, Name(node)));
        return lost;
    }

    /// <summary>Returns the known running terms of a process, the newest epoch last.</summary>
    public IReadOnlyList<TermBegan> Running(string process) => UniqueChecker.Running(History.Events, process);

    /// <summary>Returns the node that runs a process; null if none does.</summary>
    public int? Holder(string process) => Running(process) is [.., var term] ? term.Node[1] - '1' : null;

    /// <summary>Waits until each process runs on exactly one node and had an effect since this call.</summary>
    public async Task<int> UntilOneRunsAsync(params string[] processes)
    {
        var since = History.Now;
        int? holder = null;
        await UntilAsync("one runs", () =>
        {
            // Read before the check: it may end at any time.
            holder = Holder(processes[0]);
            return holder is not null && processes.All(process =>
                Running(process) is [var term]
                && History.FirstAfter<EffectTried>(
                    since, effect => effect.Term == term.Term && effect.IsAccepted) is not null);
        });
        return holder!.Value;
    }

    /// <summary>Waits for a condition on the history.</summary>
    public Task UntilAsync(string what, Func<bool> isSo) => TestTimeouts.UntilAsync(what, Generous, isSo, Story);

    /// <summary>Returns the events other than effects, for a failure message.</summary>
    public string Story() => string.Join('\n', History.Events
        .Where(e => e is not EffectTried { IsAccepted: true })
        .OrderBy(e => e.At)
        .TakeLast(150)
        .Select(e => $"{e.At.TotalSeconds,8:0.000} {e}"));

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_nodes.OfType<UniqueNodeProgram>().Select(node => node.DisposeAsync().AsTask()));
        await Resource.DisposeAsync();
        foreach (var line in _lines)
        {
            await line.DisposeAsync();
        }
    }

    private async Task<bool> TryStartAsync(int node, bool isLast)
    {
        try
        {
            _nodes[node] = await UniqueNodeProgram.StartAsync(Name(node), _options, _lines[node], Resource, History);
            return true;
        }
        catch (InvalidOperationException) when (!isLast)
        {
            return false;
        }
    }

    private async Task<bool> TryAsync(int node, Func<INodeOutput, Task<bool>> fault)
    {
        var at = History.Now;
        if (!await fault(_lines[node]))
        {
            return false;
        }

        History.Add(new StoreLost(at, Name(node)));
        return true;
    }

    private async Task EndAsync(int node, Func<UniqueNodeProgram, Task> end)
    {
        await end(_nodes[node]!);
        await _nodes[node]!.DisposeAsync();
    }
}

/// <summary>Options of a <see cref="UniqueTrio"/>.</summary>
public sealed record UniqueTrioOptions
{
    /// <summary>Name of the cluster and of the schema of its leases; unique.</summary>
    public required string Schema { get; init; }

    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Names of unique processes in consistent mode.</summary>
    public IReadOnlyList<string> Consistent { get; init; } = [];

    /// <summary>Names of unique processes in available mode.</summary>
    public IReadOnlyList<string> Available { get; init; } = [];

    /// <summary>Names of unique groups of two, in consistent mode.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>The address of the resource; loopback by default.</summary>
    public IPAddress? ResourceAddress { get; init; }
}
