namespace Presence.Processes.Tests.Unique;

/// <summary>What the tests hold the two modes to.</summary>
internal static class Rules
{
    public static TimeSpan Lease { get; } = TimeSpan.FromSeconds(2);

    private static UniqueRules Consistent { get; } = new() { Lease = Lease, MostVacant = Lease + TimeSpan.FromSeconds(2) };

    /// <summary>Orleans declares a killed silo dead after two seconds and some; the grain may have been on it and has to ask everybody anew.</summary>
    private static UniqueRules Available { get; } = new() { MostVacant = TimeSpan.FromSeconds(20) };

    /// <summary>Why a process last ended on a member; null if it did not.</summary>
    public static string? ReasonOf(this UniqueTrio trio, string process, int member) => trio.History.Events.OfType<TermEnded>()
        .Where(ended => ended.Process == process && ended.Term.StartsWith(UniqueTrio.Name(member), StringComparison.Ordinal))
        .MaxBy(ended => ended.At)?.Reason;

    /// <summary>What the history shows that must not be, of each process by the rules of its mode.</summary>
    /// <param name="afterOutage">How long a consistent process may run nowhere after somebody found the store again.</param>
    /// <param name="splits">When each side of a split may run an available process.</param>
    public static IReadOnlyList<Finding> Findings(UniqueTrio trio, TimeSpan? afterOutage = null, IReadOnlyList<Excuse>? splits = null)
    {
        var events = trio.History.Events;
        var consistent = trio.Options.Consistent.Concat(trio.Options.Groups).ToHashSet();
        var available = trio.Options.Available.ToHashSet();
        return
        [
            .. HistoryChecker.Check(events),
            .. UniqueChecker.Check([.. events.Where(e => IsAbout(e, consistent))], Consistent with { MostVacantAfterOutage = afterOutage }),
            // An available process needs no store: its loss excuses no vacancy.
            .. UniqueChecker.Check(
                [.. events.Where(e => e is not (StoreLost or StoreFound) && IsAbout(e, available))],
                Available with { Splits = splits ?? [] }),
        ];
    }

    /// <summary>Writes down that the database is away for all, or back.</summary>
    public static void Outage(this UniqueTrio trio, bool isAway)
    {
        foreach (var member in Enumerable.Range(0, 3).Select(UniqueTrio.Name))
        {
            trio.History.Add(isAway ? new StoreLost(trio.History.Now, member) : new StoreFound(trio.History.Now, member));
        }
    }

    /// <summary>The history must be without a fault.</summary>
    public static void MustBeFlawless(this UniqueTrio trio, IReadOnlyList<Excuse>? splits = null)
    {
        var findings = Findings(trio, splits: splits);
        Assert.True(findings.Count == 0, $"{string.Join('\n', findings)}\n\n{trio.Story()}");
    }

    private static bool IsAbout(HistoryEvent happened, HashSet<string> processes) => happened switch
    {
        TermBegan e => processes.Contains(e.Process),
        TermEnded e => processes.Contains(e.Process),
        EffectTried e => processes.Contains(e.Process),
        _ => true,
    };
}
