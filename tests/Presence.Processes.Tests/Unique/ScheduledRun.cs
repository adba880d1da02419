namespace Presence.Processes.Tests.Unique;

/// <summary>One schedule on three processes of its own: faults, a settled end, an orderly stop, and what the history shows.</summary>
internal sealed class ScheduledRun(int seed, UniqueTrio trio, IReadOnlyList<Fault> plan)
{
    private static readonly TimeSpan SlowBy = TimeSpan.FromMilliseconds(150);

    private const int LostOfHundred = 25;

    private readonly HashSet<int> _unwell = [];
    private readonly List<Task> _undoing = [];
    private readonly Lock _gate = new();
    private int _lossyLines;
    private long _lostPackets;

    /// <summary>How long a consistent process may run nowhere after the server came back, which several schedules share.</summary>
    private static readonly TimeSpan AfterOutage = TimeSpan.FromSeconds(10);

    /// <summary>A consistent process and an available one.</summary>
    public static IReadOnlyList<string> Processes { get; } = ["consistent", "available"];

    public History History => trio.History;

    public async Task<Outcome> PlayAsync()
    {
        await trio.UntilOneRunsAsync([.. Processes]);
        var faults = 0;
        foreach (var fault in plan)
        {
            // A plan of faults has times, and they are no wait for anything.
            await Task.Delay(fault.After);
            faults += TryBegin(fault) ? 1 : 0;
        }

        await Task.WhenAll(_undoing);
        await trio.UntilOneRunsAsync([.. Processes]);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(trio.TerminateAsync));
        return new Outcome(seed, faults, History.Events, Rules.Findings(trio, AfterOutage), trio.Story()) { LossyLines = _lossyLines, LostPackets = _lostPackets };
    }

    private bool TryBegin(Fault fault)
    {
        int target;
        lock (_gate)
        {
            var holder = trio.Holder(Processes[fault.Which]);
            var candidates = Enumerable.Range(0, 3).Where(member => !_unwell.Contains(member) && (member == holder) == fault.ToHolder).ToList();
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

    private async Task SufferAsync(int member, Fault fault)
    {
        switch (fault.Kind)
        {
            case FaultKind.Kill or FaultKind.Terminate:
                await (fault.Kind == FaultKind.Kill ? trio.KillAsync(member) : trio.TerminateAsync(member));
                await Task.Delay(fault.Lasts);
                await trio.StartMemberAsync(member);
                break;
            case FaultKind.PauseBeyondTheLease or FaultKind.PauseWithinTheLease:
                trio.Pause(member);
                await Task.Delay(fault.Lasts);
                trio.Continue(member);
                break;
            case FaultKind.Lose when await trio.TryLoseAsync(member, LostOfHundred):
                await Task.Delay(fault.Lasts);
                Interlocked.Add(ref _lostPackets, await trio.RecoverAsync(member));
                Interlocked.Increment(ref _lossyLines);
                break;
            case FaultKind.Slow or FaultKind.Lose when trio.TrySlow(member, SlowBy):
                await Task.Delay(fault.Lasts);
                trio.TrySlow(member, TimeSpan.Zero);
                break;
            case FaultKind.Isolate when await trio.TryIsolateAsync(member):
                await Task.Delay(fault.Lasts);
                await trio.RejoinAsync(member);
                break;
            case FaultKind.Cut or FaultKind.Slow or FaultKind.Lose or FaultKind.Isolate:
                await trio.CutAsync(member);
                await Task.Delay(fault.Lasts);
                await trio.HealAsync(member);
                break;
        }

        lock (_gate)
        {
            _unwell.Remove(member);
        }
    }
}

/// <summary>What became of a schedule.</summary>
internal sealed record Outcome(int Seed, int Faults, IReadOnlyList<HistoryEvent> Events, IReadOnlyList<Finding> Findings, string Story)
{
    /// <summary>Lines that lost packets for a while.</summary>
    public int LossyLines { get; init; }

    /// <summary>As the network has counted them.</summary>
    public long LostPackets { get; init; }

    public int Terms => Events.OfType<TermBegan>().Count();

    public int Done => Events.OfType<EffectTried>().Count(effect => effect.IsAccepted);

    public int Refused => Events.OfType<EffectTried>().Count(effect => !effect.IsAccepted);

    /// <summary>The longest time in which nobody ran, somebody could, and nothing was done to anybody.</summary>
    public TimeSpan Vacant => UniqueChecker.Vacancies(Events).Select(vacancy => vacancy.Lasted).DefaultIfEmpty().Max();

    public override string ToString() => $"seed {Seed}, faults {Faults}, lost packets {LostPackets}, terms {Terms}, "
        + $"effects {Done}, refused {Refused}, vacancy {Vacant.TotalSeconds:0.00} s, "
        + $"starved {Events.OfType<MemberStarved>().Count()}, findings {Findings.Count} "
        + $"{string.Join("; ", Findings.Select(finding => finding.ToString().Split('\n')[0]))}";
}
