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
    private TopicNode? _last;
    private int _count;

    internal PresenceIndex() => _topicsBySpan = _topics.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Presences shown in all topics. A field read.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Who is present in the topic. A lookup and a field read.</summary>
    public TopicSnapshot List(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return _topics.TryGetValue(topic, out var node) ? node.Snapshot : new TopicSnapshot(topic);
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
        // Most that is looked for is new, and the keys know it without a search.
        NodeOf(identity.Topic) is { } node && _keys.Has(identity.Key, node.Topic) ? node.Find(identity) : null;

    /// <inheritdoc cref="Find(PresenceEntry)"/>
    internal PresenceEntry? Find(string topic, string key, ReplicaId owner, ulong process) =>
        NodeOf(topic)?.Find(key, owner, process);

    /// <summary>The index's own instance of a topic's name, so that entries do not hold a copy each. For the shard.</summary>
    internal string Interned(string topic) => NodeOf(topic)?.Topic ?? topic;

    /// <summary>The same for any thread.</summary>
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
        node.Set(entry, isNew, _edit);
        if (isNew)
        {
            _count++;
            if (_keys.Add(entry.Key, node.Topic))
            {
                node.KeyCount++;
            }
        }
    }

    /// <summary>Shows an entry if it is the first under its key in its topic: then no version of it can be shown yet.</summary>
    internal bool TryAppear(PresenceEntry entry)
    {
        if (!_keys.Add(entry.Key, Interned(entry.Topic)))
        {
            return false;
        }

        var node = Changing(entry.Topic);
        node.Set(entry, isNew: true, _edit);
        node.KeyCount++;
        _count++;
        return true;
    }

    /// <summary>Shows an entry no more. It must be shown.</summary>
    internal void Remove(PresenceEntry entry)
    {
        var node = Changing(entry.Topic);
        _count--;
        if (node.Remove(entry, _edit))
        {
            node.KeyCount--;
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
            node.Publish();
            if (node.Count == 0)
            {
                _topics.TryRemove(node.Topic, out _);
                _last = null;
                _nextOrder = _nextOrder.Without(node, _edit);
            }
        }

        _changed.Clear();
        if (_order != _nextOrder)
        {
            _order = _nextOrder;
        }

        // What readers hold now must never be written again.
        _edit = new EditToken();
    }

    private TopicNode? NodeOf(string topic)
    {
        if (_last is { } last && string.Equals(last.Topic, topic, StringComparison.Ordinal))
        {
            return last;
        }

        return _topics.TryGetValue(topic, out var node) ? _last = node : null;
    }

    private TopicNode Changing(string topic)
    {
        var node = NodeOf(topic);
        if (node is null)
        {
            node = new TopicNode(topic);
            _topics[topic] = node;
            _last = node;
            _nextOrder = _nextOrder.With(node, _edit);
        }

        if (!node.IsChanged)
        {
            _changed.Add(node);
        }

        return node;
    }
}
