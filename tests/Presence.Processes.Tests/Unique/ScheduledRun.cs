namespace Presence.Processes.Tests.Unique;

/// <summary>Runs one schedule on three processes: faults, recovery, a graceful stop and the checks.</summary>
internal sealed class ScheduledRun(int seed, UniqueTrio trio, IReadOnlyList<Fault> plan)
{
    private static readonly TimeSpan SlowBy = TimeSpan.FromMilliseconds(150);

    private const int LostOfHundred = 25;

    private readonly HashSet<int> _unwell = [];
    private readonly List<Task> _undoing = [];
    private readonly Lock _gate = new();
    private int _lossyLines;
    private long _lostPackets;

    /// <summary>Maximum vacancy of a consistent process after the shared server came back.</summary>
    private static readonly TimeSpan AfterOutage = TimeSpan.FromSeconds(10);

    /// <summary>Gets the names of a consistent and an available process.</summary>
    public static IReadOnlyList<string> Processes { get; } = ["consistent", "available"];

    public History History => trio.History;

    public async Task<Outcome> PlayAsync()
    {
        await trio.UntilOneRunsAsync([.. Processes]);
        var faults = 0;
        foreach (var fault in plan)
        {
            // The delays are part of the schedule; they wait for no condition.
            await Task.Delay(fault.After);
            faults += TryBegin(fault) ? 1 : 0;
        }

        await Task.WhenAll(_undoing);
        await trio.UntilOneRunsAsync([.. Processes]);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(trio.TerminateAsync));
        return new Outcome(
            seed,
            faults,
            History.Events,
            Rules.Findings(trio, AfterOutage),
            trio.Story())
        { LossyLines = _lossyLines, LostPackets = _lostPackets };
    }

    private bool TryBegin(Fault fault)
    {
        int target;
        lock (_gate)
        {
            var holder = trio.Holder(Processes[fault.Which]);
            var candidates = Enumerable.Range(0, 3)
                .Where(node => !_unwell.Contains(node) && (node == holder) == fault.ToHolder).ToList();
            if (candidates.Count == 0)
            {
                return false;
            }

            target = candidates[fault.Which % candidates.Count];
            _unwell.Add(target);
        }

        _undoing.Add(Task.Run(() => SufferAsync(target, fault)));
        return true;
    }

    private async Task SufferAsync(int node, Fault fault)
    {
        switch (fault.Kind)
        {
            case FaultKind.Kill or FaultKind.Terminate:
                await (fault.Kind == FaultKind.Kill ? trio.KillAsync(node) : trio.TerminateAsync(node));
                await Task.Delay(fault.Lasts);
                await trio.StartNodeAsync(node);
                break;
            case FaultKind.PauseBeyondTheLease or FaultKind.PauseWithinTheLease:
                trio.Pause(node);
                await Task.Delay(fault.Lasts);
                trio.Continue(node);
                break;
            case FaultKind.Lose when await trio.TryLoseAsync(node, LostOfHundred):
                await Task.Delay(fault.Lasts);
                Interlocked.Add(ref _lostPackets, await trio.RecoverAsync(node));
                Interlocked.Increment(ref _lossyLines);
                break;
            case FaultKind.Slow or FaultKind.Lose when trio.TrySlow(node, SlowBy):
                await Task.Delay(fault.Lasts);
                trio.TrySlow(node, TimeSpan.Zero);
                break;
            case FaultKind.Isolate when await trio.TryIsolateAsync(node):
                await Task.Delay(fault.Lasts);
                await trio.RejoinAsync(node);
                break;
            case FaultKind.Cut or FaultKind.Slow or FaultKind.Lose or FaultKind.Isolate:
                await trio.CutAsync(node);
                await Task.Delay(fault.Lasts);
                await trio.HealAsync(node);
                break;
        }

        lock (_gate)
        {
            _unwell.Remove(node);
        }
    }
}

/// <summary>The result of a schedule.</summary>
internal sealed record Outcome(
    int Seed, int Faults, IReadOnlyList<HistoryEvent> Events, IReadOnlyList<Finding> Findings, string Story)
{
    /// <summary>The number of links that dropped packets for a while.</summary>
    public int LossyLines { get; init; }

    /// <summary>The number of dropped packets, counted by the network.</summary>
    public long LostPackets { get; init; }

    public int Terms => Events.OfType<TermBegan>().Count();

    public int Done => Events.OfType<EffectTried>().Count(effect => effect.IsAccepted);

    public int Rejected => Events.OfType<EffectTried>().Count(effect => !effect.IsAccepted);

    /// <summary>The longest vacancy although a node could run the process and no fault occurred.</summary>
    public TimeSpan Vacant => UniqueChecker.Vacancies(Events).Select(vacancy => vacancy.Lasted).DefaultIfEmpty().Max();

    public override string ToString() => $"seed {Seed}, faults {Faults}, dropped packets {LostPackets}, terms {Terms}, "
        + $"effects {Done}, rejected {Rejected}, vacancy {Vacant.TotalSeconds:0.00} s, "
        + $"starved {Events.OfType<NodeStarved>().Count()}, findings {Findings.Count} "
        + $"{string.Join("; ", Findings.Select(finding => finding.ToString().Split('\n')[0]))}";
}
