namespace Presence.Tracker;

/// <summary>The topics of an index in ordinal order. Immutable once published.</summary>
internal sealed class TopicOrder(PersistentTree<TopicNode> topics)
{
    public static TopicOrder Empty { get; } = new(default);

    public TopicOrder With(TopicNode node, EditToken edit) => new(topics.Set(node, new ByTopic(node.Topic), edit));

    public TopicOrder Without(TopicNode node, EditToken edit) => new(topics.Remove(new ByTopic(node.Topic), edit));

    public List<TopicCount> Page(string? after, int limit)
    {
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

    private readonly struct ByTopic(string topic) : IProbe<TopicNode>
    {
        public int CompareTo(TopicNode item) => string.CompareOrdinal(topic, item.Topic);
    }

    private readonly struct After(string topic) : IProbe<TopicNode>
    {
        public int CompareTo(TopicNode item) => string.CompareOrdinal(topic, item.Topic) is var c && c != 0 ? c : 1;
    }
}
