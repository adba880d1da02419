namespace Presence.Tracker.Shard;

/// <summary>The local entries of a session that has many, by topic and key.</summary>
internal sealed class EntriesByTopic
{
    // One dictionary in another: of texts each of them hashes faster than one whose keys are pairs. An entry that is
    // alone in its topic is stored without a dictionary.
    private readonly Dictionary<string, object> _byTopic = new(StringComparer.Ordinal);

    // The dictionary that was used last: often the next call is of the same topic.
    private string? _lastTopic;
    private Dictionary<string, PresenceEntry>? _last;

    public int Count { get; private set; }

    /// <summary>Gets the entries in no particular order.</summary>
    public IEnumerable<PresenceEntry> All => _byTopic.Values.SelectMany(static held =>
        held is Dictionary<string, PresenceEntry> keys ? keys.Values.AsEnumerable() : [(PresenceEntry)held]);

    /// <summary>Adds an entry, of which there is none of its topic and key.</summary>
    public void Add(PresenceEntry entry)
    {
        if (Find(entry.Topic, out var one) is { } keys)
        {
            keys.Add(entry.Key, entry);
        }
        else
        {
            _byTopic[entry.Topic] = one is null ? entry : new Dictionary<string, PresenceEntry>(StringComparer.Ordinal)
            {
                [one.Key] = one,
                [entry.Key] = entry,
            };
        }

        Count++;
    }

    /// <summary>Replaces the entry of the same topic and key.</summary>
    public void Replace(PresenceEntry entry)
    {
        if (Find(entry.Topic, out _) is { } keys)
        {
            keys[entry.Key] = entry;
        }
        else
        {
            _byTopic[entry.Topic] = entry;
        }
    }

    /// <summary>Removes the entry of the same topic and key, if there is one.</summary>
    public void Remove(PresenceEntry entry)
    {
        var keys = Find(entry.Topic, out var one);
        if (keys is null ? one?.Key != entry.Key : !keys.Remove(entry.Key))
        {
            return;
        }

        Count--;
        if (keys is not { Count: > 0 })
        {
            _byTopic.Remove(entry.Topic);
            (_lastTopic, _last) = (null, null);
        }
    }

    public PresenceEntry? Find(string topic, string key) =>
        Find(topic, out var one)?.GetValueOrDefault(key) ?? (one?.Key == key ? one : null);

    /// <summary>Returns the entries of a topic by key, or the only one.</summary>
    private Dictionary<string, PresenceEntry>? Find(string topic, out PresenceEntry? one)
    {
        one = null;
        if (_lastTopic == topic)
        {
            return _last;
        }

        var held = _byTopic.GetValueOrDefault(topic);
        if (held is not Dictionary<string, PresenceEntry> keys)
        {
            one = (PresenceEntry?)held;
            return null;
        }

        (_lastTopic, _last) = (topic, keys);
        return keys;
    }
}
