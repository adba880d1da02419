namespace Presence.Harness.Histories;

/// <summary>A span of the run.</summary>
internal readonly record struct Span(TimeSpan From, TimeSpan To)
{
    public TimeSpan Length => To - From;

    public bool Meets(Span other) => From <= other.To && other.From <= To;
}

/// <summary>One term of a unique process.</summary>
internal sealed record Term(TermBegan Began, TermEnded? Ended, TimeSpan? Died)
{
    public TimeSpan? End => Ended?.At ?? Died;

    public Span Span => new(Began.At, End ?? TimeSpan.MaxValue);

    public override string ToString() => $"{Began.Term} (epoch {Began.Epoch}, from {Began.At.TotalSeconds:0.000} s)";
}

/// <summary>What a history tells of unique processes, in the order of time.</summary>
internal sealed class UniqueHistory
{
    private readonly ILookup<string, Span> _pauses;

    public UniqueHistory(IReadOnlyList<HistoryEvent> events)
    {
        // What members tell of themselves arrives later than it happened; what a resource tells is in its own order already.
        Events = [.. events.OrderBy(e => e.At)];
        var ends = Events.OfType<TermEnded>().ToDictionary(e => e.Term, StringComparer.Ordinal);
        var deaths = Events.OfType<MemberEnded>().ToList();
        Terms = [.. Events.OfType<TermBegan>().Select(began => new Term(
            began,
            ends.GetValueOrDefault(began.Term),
            deaths.FirstOrDefault(end => end.Member == began.Member && end.At >= began.At) is { How: MemberEnd.Killed } death ? death.At : null))];
        _pauses = Pauses().ToLookup(pause => pause.Member, pause => pause.Span, StringComparer.Ordinal);
    }

    public IReadOnlyList<HistoryEvent> Events { get; }

    /// <summary>Of all processes, in the order in which they began.</summary>
    public IReadOnlyList<Term> Terms { get; }

    /// <summary>When a member stood still.</summary>
    public IEnumerable<Span> PausesOf(string member) => _pauses[member];

    public bool StoodStill(string member, Span within) => PausesOf(member).Any(pause => pause.Meets(within));

    private IEnumerable<(string Member, Span Span)> Pauses()
    {
        var since = new Dictionary<string, TimeSpan>(StringComparer.Ordinal);
        foreach (var happened in Events)
        {
            switch (happened)
            {
                case MemberPaused paused:
                    since.TryAdd(paused.Member, paused.At);
                    break;
                case MemberContinued continued when since.Remove(continued.Member, out var from):
                    yield return (continued.Member, new Span(from, continued.At));
                    break;
                case MemberEnded ended when since.Remove(ended.Member, out var from):
                    yield return (ended.Member, new Span(from, ended.At));
                    break;
                case MemberStarved starved:
                    yield return (starved.Member, new Span(starved.At - starved.For, starved.At));
                    break;
            }
        }

        foreach (var (member, from) in since)
        {
            yield return (member, new Span(from, TimeSpan.MaxValue));
        }
    }
}
