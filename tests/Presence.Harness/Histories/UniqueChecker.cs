namespace Presence.Harness.Histories;

/// <summary>What is allowed of unique processes in a run.</summary>
public sealed record UniqueRules
{
    /// <summary>
    /// Who stood still within this time before another began may run beside it: its lease ran out meanwhile, as it must. Zero in
    /// available mode.
    /// </summary>
    public TimeSpan Lease { get; init; }

    /// <summary>How long nobody may run it although some member could and nothing was done to any of them meanwhile.</summary>
    public required TimeSpan MostVacant { get; init; }

    /// <summary>The same, after somebody found the store again; by default no longer than otherwise.</summary>
    public TimeSpan? MostVacantAfterOutage { get; init; }

    /// <summary>When each side may run one: a split, in available mode, until it has healed.</summary>
    public IReadOnlyList<Excuse> Splits { get; init; } = [];
}

/// <summary>Tells from a history whether unique processes ran once and were taken over in time.</summary>
/// <remarks>What holds of epochs, whatever the times, is found by <see cref="HistoryChecker"/>.</remarks>
public static class UniqueChecker
{
    public static IReadOnlyList<Finding> Check(IReadOnlyList<HistoryEvent> events, UniqueRules rules)
    {
        var history = new UniqueHistory(events);
        return
        [
            .. history.Terms.GroupBy(term => term.Began.Process, StringComparer.Ordinal).SelectMany(process => TwoAtOnce(history, [.. process], rules)),
            .. Vacancies(events).Where(vacancy => vacancy.Lasted > Allowed(events, rules, vacancy)).Select(vacancy => new Finding(
                FindingKind.NobodyRan,
                vacancy.From,
                vacancy.Member,
                $"nobody ran {vacancy.Process} for {vacancy.Lasted.TotalSeconds:0.000} s, and {vacancy.Member} could")),
        ];
    }

    /// <summary>
    /// All spans in which a process ran nowhere, a member could have run it, and nothing was done to any member: each such thing may
    /// have taken a lease along that nobody uses, and the wait begins anew.
    /// </summary>
    public static IEnumerable<Vacancy> Vacancies(IReadOnlyList<HistoryEvent> events)
    {
        var history = new UniqueHistory(events);
        var members = Availability.Of(history.Events);
        foreach (var process in history.Terms.GroupBy(term => term.Began.Process, StringComparer.Ordinal))
        {
            foreach (var gap in Gaps(history, [.. process]))
            {
                foreach (var (member, able) in members)
                {
                    var vacant = new Span(gap.From > able.From ? gap.From : able.From, gap.To < able.To ? gap.To : able.To);
                    if (vacant.Length > TimeSpan.Zero)
                    {
                        yield return new Vacancy(process.Key, member, vacant.From, vacant.Length);
                    }
                }
            }
        }
    }

    /// <summary>The terms of a process that go on at the end, the newest epoch last.</summary>
    public static IReadOnlyList<TermBegan> Running(IReadOnlyList<HistoryEvent> events, string process) =>
    [
        .. new UniqueHistory([.. events.Where(e => e is TermBegan or TermEnded or MemberEnded)]).Terms
            .Where(term => term.Began.Process == process && term.End is null)
            .Select(term => term.Began)
            .OrderBy(began => began.Epoch),
    ];

    private static TimeSpan Allowed(IReadOnlyList<HistoryEvent> events, UniqueRules rules, Vacancy vacancy) =>
        rules.MostVacantAfterOutage is { } most && events.OfType<StoreFound>().Any(found => found.At == vacancy.From) ? most : rules.MostVacant;

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
                        && (history.StoodStill(earlier.Began.Member, lease) || history.StoodStill(began.Member, lease))))
                {
                    yield return new Finding(
                        FindingKind.TwoAtOnce, began.At, began.Member, $"{terms[later]} of {began.Process} began while {earlier} went on");
                }
            }
        }
    }

    /// <summary>
    /// The times between the first term and the end in which no term ran; a member that stands still runs nothing. What comes before is the first
    /// start of the cluster, which compiles everything anew, and no takeover.
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
        foreach (var pause in history.PausesOf(term.Began.Member).Where(pause => pause.Meets(term.Span)).OrderBy(pause => pause.From))
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
/// <param name="Member">Who could have run it.</param>
public sealed record Vacancy(string Process, string Member, TimeSpan From, TimeSpan Lasted);
