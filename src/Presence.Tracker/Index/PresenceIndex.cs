using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>What one shard shows to readers: immutable snapshots per topic, swapped by the shard, read by any thread.</summary>
/// <remarks>The shard changes it and then publishes; a reader sees a topic as it was at some publication, whole.</remarks>
public sealed class PresenceIndex
{
    private readonly ConcurrentDictionary<string, TopicNode> _topics = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, TopicNode>.AlternateLookup<ReadOnlySpan<char>> _topicsBySpan;
    private readonly KeyIndex _keys = new();
    private readonly List<TopicNode> _changed = [];
    private volatile TopicOrder _order = TopicOrder.Empty;
    private TopicOrder _nextOrder = TopicOrder.Empty;
    private EditToken _edit = new();
    private int _count;

    internal PresenceIndex() => _topicsBySpan = _topics.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Presences shown in all topics. A field read.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Who is present in the topic. A lookup and a field read.</summary>
    public TopicSnapshot List(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return _topics.TryGetValue(topic, out var node) ? node.Snapshot : new TopicSnapshot(topic, EntryTree.Empty);
    }

    /// <summary>Topics with somebody in them, ordinal order, after <paramref name="after"/>.</summary>
    public IReadOnlyList<TopicCount> Topics(string? after, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return _order.Page(after, limit);
    }

    /// <summary>Topics in which the key is present, ordinal order.</summary>
    public IReadOnlyList<string> TopicsOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return _keys.TopicsOf(key);
    }

    /// <summary>The shown entry of the same identity, published or not.</summary>
    internal PresenceEntry? Find(PresenceEntry identity) =>
        _topics.TryGetValue(identity.Topic, out var node) ? node.Entries.Find(identity) : null;

    /// <inheritdoc cref="Find(PresenceEntry)"/>
    internal PresenceEntry? Find(string topic, string key, ReplicaId owner, ulong process) =>
        _topics.TryGetValue(topic, out var node) ? node.Entries.Find(key, owner, process) : null;

    /// <summary>The index's own instance of a topic's name, so that entries do not hold a copy each.</summary>
    internal bool TryIntern(ReadOnlySpan<char> topic, [MaybeNullWhen(false)] out string name)
    {
        if (_topicsBySpan.TryGetValue(topic, out var node))
        {
            name = node.Topic;
            return true;
        }

        name = null;
        return false;
    }

    /// <summary>Shows an entry; it takes the place of an older version of itself.</summary>
    internal void Set(PresenceEntry entry, bool isNew)
    {
        var node = Changing(entry.Topic);
        node.Entries = node.Entries.Set(entry, isNew, _edit, out var keyAppeared);
        if (isNew)
        {
            _count++;
        }

        if (keyAppeared)
        {
            _keys.Add(entry.Key, node.Topic);
        }
    }

    /// <summary>Shows an entry no more. It must be shown.</summary>
    internal void Remove(PresenceEntry entry)
    {
        var node = Changing(entry.Topic);
        node.Entries = node.Entries.Remove(entry, _edit, out var keyVanished);
        _count--;
        if (keyVanished)
        {
            _keys.Remove(entry.Key, node.Topic);
        }
    }

    /// <summary>Lets readers see all changes since the last call.</summary>
    internal void Publish()
    {
        if (_changed.Count == 0)
        {
            return;
        }

        foreach (var node in _changed)
        {
            node.IsChanged = false;
            node.Publish();
            if (node.Entries.Count == 0)
            {
                _topics.TryRemove(node.Topic, out _);
                _nextOrder = _nextOrder.Without(node, _edit);
            }
        }

        _changed.Clear();
        _order = _nextOrder;
        // What readers hold now must never be written again.
        _edit = new EditToken();
    }

    private TopicNode Changing(string topic)
    {
        if (!_topics.TryGetValue(topic, out var node))
        {
            node = new TopicNode(topic);
            _topics[topic] = node;
            _nextOrder = _nextOrder.With(node, _edit);
        }

        if (!node.IsChanged)
        {
            node.IsChanged = true;
            _changed.Add(node);
        }

        return node;
    }
}

/// <summary>One topic of an index: what the shard works on, and what readers see.</summary>
internal sealed class TopicNode(string topic)
{
    private volatile TopicSnapshot _snapshot = new(topic, EntryTree.Empty);

    public string Topic => topic;

    public EntryTree Entries { get; set; } = EntryTree.Empty;

    public bool IsChanged { get; set; }

    public TopicSnapshot Snapshot => _snapshot;

    public void Publish() => _snapshot = new TopicSnapshot(topic, Entries);
}

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
            var snapshot = at.Current.Snapshot;
            if (snapshot.Count > 0)
            {
                page.Add(new TopicCount(snapshot.Topic, snapshot.Count, snapshot.KeyCount));
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
