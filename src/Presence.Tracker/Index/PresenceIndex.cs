using System.Diagnostics.CodeAnalysis;

namespace Presence.Tracker.Index;

/// <summary>The visible presences of one shard: immutable snapshots per topic, safe to read on any thread.</summary>
/// <remarks>The shard changes the index, then publishes. Readers see each topic as of one publication.</remarks>
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

    /// <summary>Gets the number of visible presences in all topics. A field read.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Returns the presences of a topic. A lookup and a field read.</summary>
    public TopicSnapshot List(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return _topics.Find(topic) is { } node ? node.Snapshot : new TopicSnapshot(topic);
    }

    /// <summary>Returns the counts of a topic. A lookup and a few field reads.</summary>
    internal TopicCount CountsOf(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return _topics.Find(topic)?.Counts ?? new TopicCount(topic, 0, 0);
    }

    /// <summary>Returns non-empty topics after <paramref name="after"/>, in ordinal order.</summary>
    public IReadOnlyList<TopicCount> Topics(string? after, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return _order.Page(after, limit);
    }

    /// <summary>Returns the topics in which the key is present, in ordinal order.</summary>
    public IReadOnlyList<string> TopicsOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return _keys.TopicsOf(key);
    }

    /// <summary>Returns whether the key is present in the topic. For the holder of the shard's lock.</summary>
    internal bool Has(string key, string topic) => _keys.Has(key, topic);

    /// <summary>Does the same for any topic that begins with the prefix.</summary>
    internal bool HasPrefix(string key, string prefix) => _keys.HasPrefix(key, prefix);

    /// <summary>Returns the visible entry with the same identity, published or not.</summary>
    internal PresenceEntry? Find(PresenceEntry identity) =>
        // Most sought entries are new, which the key index shows without a tree search.
        NodeOf(identity.Topic) is { } node && _keys.Has(identity.Key, node.Topic) ? node.Find(identity) : null;

    /// <summary>Does the same; faster if the entry exists.</summary>
    internal PresenceEntry? FindExisting(PresenceEntry identity) => NodeOf(identity.Topic)?.Find(identity);

    /// <summary>Returns the index's instance of a topic's name, which entries share. For the shard.</summary>
    internal string Intern(string topic) => NodeOf(topic)?.Topic ?? topic;

    /// <summary>Does the same on any thread.</summary>
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

    /// <summary>Adds an entry or replaces its older version.</summary>
    /// <returns>Whether it is the first under its key in its topic.</returns>
    internal bool Set(PresenceEntry entry, bool isNew)
    {
        var node = GetForChange(entry.Topic);
        var isNewKey = isNew && _keys.Add(entry.Key, node.Topic);
        node.Set(entry, isNew, isNewKey, _edit);
        _count += isNew ? 1 : 0;
        return isNewKey;
    }

    /// <summary>Adds an entry if it is the first under its key in its topic, and hence new.</summary>
    internal bool TryAddFirst(PresenceEntry entry)
    {
        if (!_keys.Add(entry.Key, Intern(entry.Topic)))
        {
            return false;
        }

        GetForChange(entry.Topic).Set(entry, isNew: true, isNewKey: true, _edit);
        _count++;
        return true;
    }

    /// <summary>Removes a visible entry.</summary>
    /// <returns>Whether it was the last under its key in its topic.</returns>
    internal bool Remove(PresenceEntry entry)
    {
        var node = GetForChange(entry.Topic);
        _count--;
        if (!node.Remove(entry, _edit))
        {
            return false;
        }

        _keys.Remove(entry.Key, node.Topic);
        return true;
    }

    /// <summary>Publishes all changes since the last call to readers.</summary>
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

        // Nodes that readers hold must not be changed any more.
        _edit.Close();
    }

    /// <summary>Frees some memory of removed topics and keys. The shard calls it at each tick.</summary>
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

    private TopicNode GetForChange(string topic)
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
