namespace Presence.Tracker.Index;

/// <summary>The topics of an index in ordinal order. Immutable once published.</summary>
/// <remarks>New topics are buffered and merged into the tree in batches, at the latest by the first reader.</remarks>
internal sealed class TopicOrder
{
    private const int MaxNew = 64;

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

    /// <summary>Returns the order with a new topic. Call on the newest order only.</summary>
    public TopicOrder With(TopicNode node, Edit edit)
    {
        if (_new is null || _newCount == MaxNew)
        {
            var added = new TopicNode[MaxNew];
            added[0] = node;
            return new(_newCount == 0 ? _topics : Merge(edit.Token), added, 1);
        }

        // No place is written twice: readers of older orders read earlier places only.
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

    /// <summary>Gets the merged topics, on any thread. Concurrent readers may merge twice, which is harmless.</summary>
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
