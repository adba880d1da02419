namespace Presence.Processes.Tests.Unique;

/// <summary>The limits for the two modes.</summary>
internal static class Rules
{
    public static TimeSpan Lease { get; } = TimeSpan.FromSeconds(2);

    private static UniqueRules Consistent { get; } = new()
    {
        Lease = Lease,
        MaxVacant = Lease + TimeSpan.FromSeconds(2),
    };

    /// <summary>A killed silo is declared dead after about 2 s; a new election grain asks all nodes first.</summary>
    private static UniqueRules Available { get; } = new() { MaxVacant = TimeSpan.FromSeconds(20) };

    /// <summary>Returns why a process last ended on a node; null if it did not.</summary>
    public static string? ReasonOf(this UniqueTrio trio, string process, int node) =>
        trio.History.Events.OfType<TermEnded>()
        .Where(
            ended => ended.Process == process && ended.Term.StartsWith(UniqueTrio.Name(node), StringComparison.Ordinal))
        .MaxBy(ended => ended.At)?.Reason;

    /// <summary>Returns the findings in the history, by the limits of each process's mode.</summary>
    /// <param name="afterOutage">Maximum vacancy of a consistent process after a node reconnected to the store.</param>
    /// <param name="splits">The times in which each side of a partition may run an available process.</param>
    public static IReadOnlyList<Finding> Findings(
        UniqueTrio trio, TimeSpan? afterOutage = null, IReadOnlyList<Excuse>? splits = null)
    {
        var events = trio.History.Events;
        var consistent = trio.Options.Consistent.Concat(trio.Options.Groups).ToHashSet();
        var available = trio.Options.Available.ToHashSet();
        return
        [
            .. HistoryChecker.Check(events),
            .. UniqueChecker.Check(
                [.. events.Where(e => IsAbout(e, consistent))], Consistent with { MaxVacantAfterOutage = afterOutage }),
            // An available process needs no store, so a store failure is no excuse.
            .. UniqueChecker.Check(
                [.. events.Where(e => e is not (StoreLost or StoreFound) && IsAbout(e, available))],
                Available with { Splits = splits ?? [] }),
        ];
    }

    /// <summary>Records a failure or recovery of the database for all nodes.</summary>
    public static void Outage(this UniqueTrio trio, bool isDown)
    {
        foreach (var node in Enumerable.Range(0, 3).Select(UniqueTrio.Name))
        {
            trio.History.Add(isDown ? new StoreLost(trio.History.Now, node) : new StoreFound(trio.History.Now, node));
        }
    }

    /// <summary>Asserts that the history has no findings.</summary>
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
