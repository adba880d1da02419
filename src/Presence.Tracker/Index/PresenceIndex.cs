using System.Diagnostics.CodeAnalysis;
using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>What one shard shows to readers: immutable snapshots per topic, swapped by the shard, read by any thread.</summary>
/// <remarks>The shard changes it and then publishes; a reader sees a topic as it was at some publication, whole.</remarks>
internal sealed class PresenceIndex
{
    private readonly TextTable<TopicNode> _topics = new();
    private readonly KeyIndex _keys = new();
    private readonly List<TopicNode> _changed = [];
    private readonly Edit _edit = new();
    private volatile TopicOrder _order = TopicOrder.Empty;
    private TopicOrder _nextOrder = TopicOrder.Empty;
    private TopicNode? _last;
    private int _count;

    internal PresenceIndex()
    {
    }

    /// <summary>Presences shown in all topics. A field read.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Who is present in the topic. A lookup and a field read.</summary>
    public TopicSnapshot List(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return _topics.Find(topic) is { } node ? node.Snapshot : new TopicSnapshot(topic);
    }

    /// <summary>How many are present in the topic. A lookup and a few field reads.</summary>
    internal TopicCount CountsOf(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return _topics.Find(topic)?.Counts ?? new TopicCount(topic, 0, 0);
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

    /// <summary>The same for an identity that is expected to be there.</summary>
    internal PresenceEntry? FindThere(PresenceEntry identity) => NodeOf(identity.Topic)?.Find(identity);

    /// <inheritdoc cref="Find(PresenceEntry)"/>
    internal PresenceEntry? Find(string topic, string key, ReplicaId owner, ulong process) =>
        NodeOf(topic)?.Find(key, owner, process);

    /// <summary>The index's own instance of a topic's name, so that entries do not hold a copy each. For the shard.</summary>
    internal string Interned(string topic) => NodeOf(topic)?.Topic ?? topic;

    /// <summary>The same for any thread.</summary>
    internal bool TryIntern(ReadOnlySpan<char> topic, [MaybeNullWhen(false)] out string name)
    {
        if (_topics.Find(topic) is { } node)
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
        node.Set(entry, isNew, isNew && _keys.Add(entry.Key, node.Topic), _edit);
        _count += isNew ? 1 : 0;
    }

    /// <summary>Shows an entry if it is the first under its key in its topic: then no version of it can be shown yet.</summary>
    internal bool TryAppear(PresenceEntry entry)
    {
        if (!_keys.Add(entry.Key, Interned(entry.Topic)))
        {
            return false;
        }

        Changing(entry.Topic).Set(entry, isNew: true, isNewKey: true, _edit);
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
                _topics.Remove(node.Topic);
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
        _edit.Close();
    }

    /// <summary>Gives back some of what is held for topics and keys that are gone. For the shard, now and then.</summary>
    internal void Trim()
    {
        _topics.Trim();
        _keys.Trim();
    }

    private TopicNode? NodeOf(string topic)
    {
        if (_last is { } last && string.Equals(last.Topic, topic, StringComparison.Ordinal))
        {
            return last;
        }

        return _topics.Find(topic) is { } node ? _last = node : null;
    }

    private TopicNode Changing(string topic)
    {
        var node = NodeOf(topic);
        if (node is null)
        {
            node = new TopicNode(topic);
            _topics.TryAdd(topic, node, out _);
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
