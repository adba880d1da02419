namespace Presence.Tracker.Entries;

/// <summary>The keys that became present or absent, to mark the change of each that did it. Not thread-safe.</summary>
internal sealed class KeyMarks
{
    private readonly Dictionary<(string Topic, string Key), (bool Before, bool After)> _keys = [];

    /// <summary>Records that a key became present or absent, after all that was recorded before.</summary>
    public void Add(PresenceEntry entry, bool isPresent)
    {
        var id = (entry.Topic, entry.Key);
        _keys[id] = (_keys.TryGetValue(id, out var known) ? known.Before : !isPresent, isPresent);
    }

    /// <summary>Marks the first join or the last leave of each key that changed in sum; forgets all.</summary>
    public void Mark(List<PresenceChange> changes)
    {
        for (var i = 0; i < changes.Count && _keys.Count > 0; i++)
        {
            Mark(changes, i, PresenceChangeKind.Joined);
        }

        for (var i = changes.Count - 1; i >= 0 && _keys.Count > 0; i--)
        {
            Mark(changes, i, PresenceChangeKind.Left);
        }

        _keys.Clear();
    }

    private void Mark(List<PresenceChange> changes, int at, PresenceChangeKind kind)
    {
        var change = changes[at];
        var id = (change.Entry.Topic, change.Entry.Key);
        var marked = (kind == PresenceChangeKind.Left, kind == PresenceChangeKind.Joined);
        if (change.Kind == kind && _keys.TryGetValue(id, out var known) && known == marked)
        {
            _keys.Remove(id);
            changes[at] = change with { ChangesKey = true };
        }
    }
}
