namespace Presence.Harness.Unique;

/// <summary>Three silos as processes that contend for the same unique processes, each with lines of its own.</summary>
public sealed class UniqueTrio : IAsyncDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(40);

    /// <summary>The number by which Orleans marks a dead silo in its table.</summary>
    private const int Dead = 6;

    private const int MaxStarts = 3;

    private readonly UniqueTrioOptions _options;
    private readonly PostgresServer _server;
    private readonly IReadOnlyList<IMemberLines> _lines;
    private readonly UniqueMember?[] _members = new UniqueMember?[3];

    /// <param name="lines">Three; the trio disposes of them.</param>
    public UniqueTrio(UniqueTrioOptions options, PostgresServer server, IReadOnlyList<IMemberLines> lines)
    {
        (_options, _server, _lines) = (options, server, lines);
        Resource = new FencedResource(History, options.ResourceAddress);
    }

    public UniqueTrioOptions Options => _options;

    public History History { get; } = new();

    public FencedResource Resource { get; }

    /// <summary>Starts those that do not run side by side, until all three stand by.</summary>
    public Task StartAsync() => Task.WhenAll(Enumerable.Range(0, 3).Where(member => !IsRunning(member)).Select(StartMemberAsync));

    /// <summary>m1, m2 or m3.</summary>
    public static string Name(int member) => $"m{member + 1}";

    public bool IsRunning(int member) => _members[member] is { HasEnded: false };

    /// <summary>What a member has written in its present or last life.</summary>
    public string Log(int member) => _members[member]!.Log;

    /// <summary>Starts a member, again under its name if it was ended.</summary>
    /// <remarks>A database that goes away in the middle of a start ends the start; whoever runs a member then starts it again, and so does this.</remarks>
    public async Task StartMemberAsync(int member)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                _members[member] = await UniqueMember.StartAsync(
                    Name(member), _options, _lines[member], Resource, History);
                return;
            }
            catch (InvalidOperationException) when (attempt < MaxStarts)
            {
                // Once more.
            }
        }
    }

    public Task KillAsync(int member) => EndAsync(member, m => m.KillAsync());

    public Task TerminateAsync(int member) => EndAsync(member, m => m.TerminateAsync());

    public void Pause(int member) => _members[member]!.Pause();

    public void Continue(int member) => _members[member]!.Continue();

    /// <summary>Cuts a member off from the database.</summary>
    public async Task CutAsync(int member)
    {
        History.Add(new StoreLost(History.Now, Name(member)));
        await _lines[member].CutAsync();
    }

    public async Task HealAsync(int member)
    {
        await _lines[member].HealAsync();
        History.Add(new StoreFound(History.Now, Name(member)));
    }

    /// <summary>Cuts a member off from the database and from the others.</summary>
    /// <returns>False if its lines cannot.</returns>
    public Task<bool> TryIsolateAsync(int member) => TryAsync(member, line => line.TryIsolateAsync());

    /// <summary>Ends what <see cref="TryIsolateAsync"/> began.</summary>
    public async Task RejoinAsync(int member)
    {
        await _lines[member].RejoinAsync();
        History.Add(new StoreFound(History.Now, Name(member)));
    }

    /// <summary>Waits until the others have declared a member dead, which counts as its end from now on.</summary>
    public async Task UntilDeclaredDeadAsync(int member)
    {
        await Patience.UntilAsync($"{Name(member)} is declared dead", Generous, async () => await _server.ReadAsync<long>(
            $"SELECT count(*) FROM presence_orleans.silo WHERE cluster = '{_options.Schema}' AND name = '{Name(member)}' AND status <> {Dead}") == 0);
    }

    /// <summary>Waits until a member that was declared dead has found out and ended.</summary>
    public async Task UntilEndedAsync(int member)
    {
        await _members[member]!.Ended.WaitAsync(Generous);
        History.Add(new MemberEnded(History.Now, Name(member), MemberEnd.Killed));
        await _members[member]!.DisposeAsync();
    }

    /// <summary>Delays what goes between a member and the database; zero to end that.</summary>
    /// <returns>False if its line cannot.</returns>
    public bool TrySlow(int member, TimeSpan delay)
    {
        var at = History.Now;
        if (!_lines[member].TrySlow(delay))
        {
            return false;
        }

        History.Add(delay > TimeSpan.Zero ? new StoreLost(at, Name(member)) : new StoreFound(at, Name(member)));
        return true;
    }

    /// <summary>Loses packets on all lines of a member.</summary>
    /// <returns>False if its line cannot.</returns>
    public Task<bool> TryLoseAsync(int member, int percent) => TryAsync(member, line => line.TryLoseAsync(percent));

    /// <summary>Ends what <see cref="TryLoseAsync"/> began.</summary>
    /// <returns>How many packets were lost.</returns>
    public async Task<long> RecoverAsync(int member)
    {
        var lost = await _lines[member].RecoverAsync();
        History.Add(new StoreFound(History.Now, Name(member)));
        return lost;
    }

    /// <summary>All terms of a process that go on as far as is known, the newest epoch last.</summary>
    public IReadOnlyList<TermBegan> Running(string process) => UniqueChecker.Running(History.Events, process);

    /// <summary>The member that runs it; null if none does.</summary>
    public int? Holder(string process) => Running(process) is [.., var term] ? term.Member[1] - '1' : null;

    /// <summary>Waits until one member alone runs each of the processes and has done something since this call.</summary>
    public async Task<int> UntilOneRunsAsync(params string[] processes)
    {
        var since = History.Now;
        await UntilAsync("one runs", () => processes.All(process =>
            Running(process) is [var term]
            && History.FirstAfter<EffectTried>(since, effect => effect.Term == term.Term && effect.IsAccepted) is not null));
        return Holder(processes[0])!.Value;
    }

    /// <summary>Waits for something that the history shows.</summary>
    public Task UntilAsync(string what, Func<bool> isSo) => Patience.UntilAsync(what, Generous, isSo, Story);

    /// <summary>What happened beside the effects, for a failure message.</summary>
    public string Story() => string.Join('\n', History.Events
        .Where(e => e is not EffectTried { IsAccepted: true })
        .OrderBy(e => e.At)
        .TakeLast(150)
        .Select(e => $"{e.At.TotalSeconds,8:0.000} {e}"));

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_members.OfType<UniqueMember>().Select(member => member.DisposeAsync().AsTask()));
        await Resource.DisposeAsync();
        foreach (var line in _lines)
        {
            await line.DisposeAsync();
        }
    }

    private async Task<bool> TryAsync(int member, Func<IMemberLines, Task<bool>> fault)
    {
        var at = History.Now;
        if (!await fault(_lines[member]))
        {
            return false;
        }

        History.Add(new StoreLost(at, Name(member)));
        return true;
    }

    private async Task EndAsync(int member, Func<UniqueMember, Task> end)
    {
        await end(_members[member]!);
        await _members[member]!.DisposeAsync();
    }
}

/// <summary>What three members run.</summary>
public sealed record UniqueTrioOptions
{
    /// <summary>One per cluster: names the cluster, and the schema of its leases.</summary>
    public required string Schema { get; init; }

    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Names of unique processes in consistent mode.</summary>
    public IReadOnlyList<string> Consistent { get; init; } = [];

    /// <summary>Names of unique processes in available mode.</summary>
    public IReadOnlyList<string> Available { get; init; } = [];

    /// <summary>Names of unique groups of two, in consistent mode.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>Where the resource listens; loopback by default.</summary>
    public IPAddress? ResourceAddress { get; init; }
}
