namespace Presence.Tracker;

/// <summary>The topics of an index in ordinal order. Immutable once published.</summary>
/// <remarks>New topics wait for each other, so that one alone copies no path of nodes; who needs the order first puts them in.</remarks>
internal sealed class TopicOrder
{
    private const int MostNew = 64;

    private readonly PersistentTree<TopicNode> _topics;
    private readonly TopicNode[]? _new;
    private readonly int _newCount;
    private Merged? _merged;

    private TopicOrder(PersistentTree<TopicNode> topics, TopicNode[]? added, int addedCount)
    {
        _topics = topics;
        _new = added;
        _newCount = addedCount;
    }

    public static TopicOrder Empty { get; } = new(default, null, 0);

    /// <summary>With a topic that is not there. Only the newest order may be added to.</summary>
    public TopicOrder With(TopicNode node, Edit edit)
    {
        if (_new is null || _newCount == MostNew)
        {
            var added = new TopicNode[MostNew];
            added[0] = node;
            return new(_newCount == 0 ? _topics : Merge(edit.Token), added, 1);
        }

        // Never written twice to one place: readers of older orders look before it.
        _new[_newCount] = node;
        return new(_topics, _new, _newCount + 1);
    }

    public TopicOrder Without(TopicNode node, Edit edit) =>
        new(Merge(edit.Token).Remove(new ByTopic(node.Topic), edit.Token), null, 0);

    public List<TopicCount> Page(string? after, int limit)
    {
        var topics = Topics;
        var page = new List<TopicCount>(Math.Min(limit, topics.Count));
        var at = after is null ? topics.GetEnumerator() : topics.From(new After(after));
        while (page.Count < limit && at.MoveNext())
        {
            var counts = at.Current.Counts;
            if (counts.Count > 0)
            {
                page.Add(counts);
            }
        }

        return page;
    }

    /// <summary>For any thread: the first reader merges; two at once do it twice, which does no harm.</summary>
    private PersistentTree<TopicNode> Topics
    {
        get
        {
            if (_newCount == 0)
            {
                return _topics;
            }

            var merged = Volatile.Read(ref _merged);
            if (merged is null)
            {
                Volatile.Write(ref _merged, merged = new Merged(Merge(new EditToken())));
            }

            return merged.Topics;
        }
    }

    private PersistentTree<TopicNode> Merge(EditToken edit)
    {
        var topics = _topics;
        foreach (var node in _new.AsSpan(0, _newCount))
        {
            topics = topics.Set(node, new ByTopic(node.Topic), edit);
        }

        return topics;
    }

    private sealed record Merged(PersistentTree<TopicNode> Topics);

    private readonly struct ByTopic(string topic) : IProbe<TopicNode>
    {
        public int CompareTo(TopicNode item) => string.CompareOrdinal(topic, item.Topic);
    }

    private readonly struct After(string topic) : IProbe<TopicNode>
    {
        public int CompareTo(TopicNode item) => string.CompareOrdinal(topic, item.Topic) is var c && c != 0 ? c : 1;
    }
}
