namespace Presence.Harness.Histories;

/// <summary>The limits for unique processes in a run.</summary>
public sealed record UniqueRules
{
    /// <summary>
    /// A holder that was suspended within this time before a successor started may overlap it, because its lease
    /// expired meanwhile. Zero in available mode.
    /// </summary>
    public TimeSpan Lease { get; init; }

    /// <summary>Maximum time without a holder although some node could run the process and no fault occurred.</summary>
    public required TimeSpan MaxVacant { get; init; }

    /// <summary>The same, after a node has reconnected to the store; by default equal.</summary>
    public TimeSpan? MaxVacantAfterOutage { get; init; }

    /// <summary>The times of partitions, in which each side may run an available process.</summary>
    public IReadOnlyList<Excuse> Splits { get; init; } = [];
}

/// <summary>Checks in a history that unique processes ran once and were taken over in time.</summary>
/// <remarks>Epochs are checked by <see cref="HistoryChecker"/>.</remarks>
public static class UniqueChecker
{
    public static IReadOnlyList<Finding> Check(IReadOnlyList<HistoryEvent> events, UniqueRules rules)
    {
        var history = new UniqueHistory(events);
        return
        [
            .. history.Terms.GroupBy(term => term.Began.Process, StringComparer.Ordinal)
                .SelectMany(process => TwoAtOnce(history, [.. process], rules)),
            .. Vacancies(events).Where(vacancy => vacancy.Lasted > Allowed(events, rules, vacancy))
                .Select(vacancy => new Finding(
                FindingKind.NobodyRan,
                vacancy.From,
                vacancy.Node,
                $"no node ran {vacancy.Process} for {vacancy.Lasted.TotalSeconds:0.000} s, and {vacancy.Node} could")),
        ];
    }

    /// <summary>
    /// Returns all times in which a process ran nowhere, a node could have run it, and no fault occurred: a fault may
    /// leave an unused lease, so that the wait restarts.
    /// </summary>
    public static IEnumerable<Vacancy> Vacancies(IReadOnlyList<HistoryEvent> events)
    {
        var history = new UniqueHistory(events);
        var nodes = Availability.Of(history.Events);
        foreach (var process in history.Terms.GroupBy(term => term.Began.Process, StringComparer.Ordinal))
        {
            foreach (var gap in Gaps(history, [.. process]))
            {
                foreach (var (node, able) in nodes)
                {
                    var vacant = new Span(
                        gap.From > able.From ? gap.From : able.From, gap.To < able.To ? gap.To : able.To);
                    if (vacant.Length > TimeSpan.Zero)
                    {
                        yield return new Vacancy(process.Key, node, vacant.From, vacant.Length);
                    }
                }
            }
        }
    }

    /// <summary>Returns the running terms of a process at the end, the newest epoch last.</summary>
    public static IReadOnlyList<TermBegan> Running(IReadOnlyList<HistoryEvent> events, string process) =>
    [
        .. new UniqueHistory([.. events.Where(e => e is TermBegan or TermEnded or NodeEnded)]).Terms
            .Where(term => term.Began.Process == process && term.End is null)
            .Select(term => term.Began)
            .OrderBy(began => began.Epoch),
    ];

    private static TimeSpan Allowed(IReadOnlyList<HistoryEvent> events, UniqueRules rules, Vacancy vacancy) =>
        rules.MaxVacantAfterOutage is { } most && events.OfType<StoreFound>().Any(found => found.At == vacancy.From)
            ? most
            : rules.MaxVacant;

    private static IEnumerable<Finding> TwoAtOnce(UniqueHistory history, List<Term> terms, UniqueRules rules)
    {
        for (var later = 1; later < terms.Count; later++)
        {
            foreach (var earlier in terms.Take(later).Where(earlier => earlier.Span.To > terms[later].Began.At))
            {
                var began = terms[later].Began;
                var lease = new Span(began.At - rules.Lease, began.At);
                if (!rules.Splits.Any(split => split.Covers(began.At))
                    && !(rules.Lease > TimeSpan.Zero
                        && (history.WasSuspended(earlier.Began.Node, lease)
                            || history.WasSuspended(began.Node, lease))))
                {
                    yield return new Finding(
                        FindingKind.TwoAtOnce,
                        began.At,
                        began.Node,
                        $"{terms[later]} of {began.Process} began while {earlier} was running");
                }
            }
        }
    }

    /// <summary>
    /// Returns the times between the first term and the end without a term; a suspended node runs nothing. The first
    /// start of a cluster, which includes compilation, is no takeover.
    /// </summary>
    private static IEnumerable<Span> Gaps(UniqueHistory history, List<Term> terms)
    {
        var end = history.Events[^1].At;
        var at = terms[0].Began.At;
        foreach (var run in terms.SelectMany(term => Running(history, term)).OrderBy(run => run.From))
        {
            if (run.From > at)
            {
                yield return new Span(at, run.From);
            }

            at = run.To > at ? run.To : at;
        }

        if (end > at)
        {
            yield return new Span(at, end);
        }
    }

    private static IEnumerable<Span> Running(UniqueHistory history, Term term)
    {
        var from = term.Span.From;
        foreach (var pause in history.PausesOf(term.Began.Node).Where(
            pause => pause.Overlaps(term.Span)).OrderBy(pause => pause.From))
        {
            if (pause.From > from)
            {
                yield return new Span(from, pause.From);
            }

            from = pause.To > from ? pause.To : from;
        }

        if (term.Span.To > from)
        {
            yield return new Span(from, term.Span.To);
        }
    }
}

/// <summary>A time in which a unique process ran nowhere.</summary>
/// <param name="Node">The node that could have run it.</param>
public sealed record Vacancy(string Process, string Node, TimeSpan From, TimeSpan Lasted);
