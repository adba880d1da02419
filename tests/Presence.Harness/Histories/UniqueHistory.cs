namespace Presence.Harness.Histories;

/// <summary>A time span of the run.</summary>
internal readonly record struct Span(TimeSpan From, TimeSpan To)
{
    public TimeSpan Length => To - From;

    public bool Overlaps(Span other) => From <= other.To && other.From <= To;
}

/// <summary>One term of a unique process.</summary>
internal sealed record Term(TermBegan Began, TermEnded? Ended, TimeSpan? Died)
{
    public TimeSpan? End => Ended?.At ?? Died;

    public Span Span => new(Began.At, End ?? TimeSpan.MaxValue);

    public override string ToString() => $"{Began.Term} (epoch {Began.Epoch}, from {Began.At.TotalSeconds:0.000} s)";
}

/// <summary>The events of unique processes in a history, ordered by time.</summary>
internal sealed class UniqueHistory
{
    private readonly ILookup<string, Span> _pauses;

    public UniqueHistory(IReadOnlyList<HistoryEvent> events)
    {
        // Reports of nodes arrive late and are sorted by time; those of a resource are already in its order.
        Events = [.. events.OrderBy(e => e.At)];
        var ends = Events.OfType<TermEnded>().ToDictionary(e => e.Term, StringComparer.Ordinal);
        var deaths = Events.OfType<NodeEnded>().ToList();
        Terms = [.. Events.OfType<TermBegan>().Select(began => new Term(
            began,
            ends.GetValueOrDefault(began.Term),
            deaths.FirstOrDefault(end => end.Node == began.Node && end.At >= began.At)
                is { How: NodeEndReason.Killed } death ? death.At : null))];
        _pauses = Pauses().ToLookup(pause => pause.Node, pause => pause.Span, StringComparer.Ordinal);
    }

    public IReadOnlyList<HistoryEvent> Events { get; }

    /// <summary>The terms of all processes, in the order of their starts.</summary>
    public IReadOnlyList<Term> Terms { get; }

    /// <summary>Returns the times in which a node was suspended.</summary>
    public IEnumerable<Span> PausesOf(string node) => _pauses[node];

    public bool WasSuspended(string node, Span within) => PausesOf(node).Any(pause => pause.Overlaps(within));

    private IEnumerable<(string Node, Span Span)> Pauses()
    {
        var since = new Dictionary<string, TimeSpan>(StringComparer.Ordinal);
        foreach (var happened in Events)
        {
            switch (happened)
            {
                case NodePaused paused:
                    since.TryAdd(paused.Node, paused.At);
                    break;
                case NodeContinued continued when since.Remove(continued.Node, out var from):
                    yield return (continued.Node, new Span(from, continued.At));
                    break;
                case NodeEnded ended when since.Remove(ended.Node, out var from):
                    yield return (ended.Node, new Span(from, ended.At));
                    break;
                case NodeStarved starved:
                    yield return (starved.Node, new Span(starved.At - starved.For, starved.At));
                    break;
            }
        }

        foreach (var (node, from) in since)
        {
            yield return (node, new Span(from, TimeSpan.MaxValue));
        }
    }
}
