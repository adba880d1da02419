namespace Presence.Tracker;

/// <summary>The presences of one topic, kept by applying changes to an earlier state.</summary>
/// <remarks>
/// One thread applies at a time; <see cref="Current"/> can be read by any thread meanwhile. A change costs the
/// logarithm of the number of presences.
/// </remarks>
/// <param name="topic">The topic.</param>
public sealed class PresenceSet(string topic)
{
    private EntryTree _entries = EntryTree.Empty;
    private volatile TopicSnapshot _current = new(topic);

    /// <summary>Gets the presences after the last applied changes, in key order (ordinal). Immutable.</summary>
    public TopicSnapshot Current => _current;

    /// <summary>Applies changes in order: a join or update stores its entry, a leave removes it.</summary>
    public void Apply(IReadOnlyList<PresenceChange> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        if (changes.Count >= _entries.Count / 4 && !changes.Any(c => c.Entry.Stamp is not null))
        {
            // More than a quarter changes: one pass over all entries is cheaper than looking for each key.
            _entries = _entries.With(
                changes.Select(c => new EntryEdit(c.Entry, c.Kind == PresenceChangeKind.Left, 0, 0)).ToArray(),
                new EditToken());
            _current = new TopicSnapshot(topic, _entries);
            return;
        }

        var edit = new EditToken();
        var keys = _current.KeyCount;
        foreach (var change in changes)
        {
            var entry = change.Entry;
            var hadKey = _entries.HasKey(entry.Key);
            if (entry.Stamp is not null && Find(entry) is { } former)
            {
                // Another node may have continued it.
                _entries = _entries.Remove(former, edit);
            }

            _entries = change.Kind == PresenceChangeKind.Left
                ? _entries.Remove(entry, edit)
                : _entries.Set(entry, edit);
            keys += (_entries.HasKey(entry.Key) ? 1 : 0) - (hadKey ? 1 : 0);
        }

        _current = new TopicSnapshot(topic, _entries, null, 0, _entries.Count, keys);
    }

    /// <summary>Applies changes, and marks those by which a key becomes present or absent in sum.</summary>
    internal void ApplyAndMark(List<PresenceChange> changes)
    {
        var before = _entries;
        Apply(changes);
        var keys = new KeyMarks();
        foreach (var change in changes)
        {
            var entry = change.Entry;
            if (change.Kind != PresenceChangeKind.Updated && _entries.HasKey(entry.Key) is var isPresent
                && isPresent != before.HasKey(entry.Key))
            {
                keys.Add(entry, isPresent);
            }
        }

        keys.Mark(changes);
    }

    /// <summary>Returns the presence that an entry is a version of; null if it is not in the set.</summary>
    internal PresenceEntry? Find(PresenceEntry version) =>
        version.Stamp is not null ? _entries.GetByKey(version.Key).FirstOrDefault(version.IsSamePresence)
        : _entries.Find(version) is { } found && found.First == version.First ? found : null;
}
