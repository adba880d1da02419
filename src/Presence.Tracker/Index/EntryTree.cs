namespace Presence.Tracker;

/// <summary>The entries of one topic, ordered by key (ordinal), then owner, then process. Immutable.</summary>
internal sealed class EntryTree(PersistentTree<PresenceEntry> entries)
{
    public static EntryTree Empty { get; } = new(default);

    public int Count => entries.Count;

    /// <summary>Distinct keys. Goes through all entries.</summary>
    public int CountKeys()
    {
        var keys = 0;
        string? last = null;
        foreach (var entry in entries)
        {
            keys += string.Equals(last, entry.Key, StringComparison.Ordinal) ? 0 : 1;
            last = entry.Key;
        }

        return keys;
    }

    public PresenceEntry? Find(PresenceEntry identity) => entries.Find(new ByIdentity(identity));

    public PresenceEntry? Find(string key, Crdt.ReplicaId owner, ulong process) =>
        entries.Find(new ByTriple(key, owner, process));

    public bool HasKey(string key)
    {
        var at = entries.From(new ByKey(key));
        return at.MoveNext() && string.Equals(at.Current.Key, key, StringComparison.Ordinal);
    }

    /// <summary>The version with the entry in it, in the place of its equal if there is one.</summary>
    public EntryTree Set(PresenceEntry entry, EditToken edit) => new(entries.Set(entry, new ByIdentity(entry), edit));

    public EntryTree Remove(PresenceEntry entry, EditToken edit) => new(entries.Remove(new ByIdentity(entry), edit));

    /// <summary>The version after some changes, in order.</summary>
    public EntryTree With(ReadOnlySpan<EntryEdit> changes, EditToken edit)
    {
        var to = entries;
        foreach (ref readonly var change in changes)
        {
            var probe = new ByIdentity(change.Entry);
            to = change.IsEnd ? to.Remove(probe, edit) : to.Set(change.Entry, probe, edit);
        }

        return new(to);
    }

    public IReadOnlyList<PresenceEntry> GetByKey(string key)
    {
        var at = entries.From(new ByKey(key));
        if (!at.MoveNext() || !string.Equals(at.Current.Key, key, StringComparison.Ordinal))
        {
            return [];
        }

        var first = at.Current;
        if (!at.MoveNext() || !string.Equals(at.Current.Key, key, StringComparison.Ordinal))
        {
            return [first];
        }

        var found = new List<PresenceEntry> { first };
        do
        {
            found.Add(at.Current);
        }
        while (at.MoveNext() && string.Equals(at.Current.Key, key, StringComparison.Ordinal));
        return found;
    }

    public PresencePage Page(string? after, int limit)
    {
        var at = after is null ? entries.GetEnumerator() : entries.From(new AfterKey(after));
        var page = new List<PresenceEntry>(Math.Min(limit, Count));
        string? key = null;
        for (var keys = 0; at.MoveNext();)
        {
            var entry = at.Current;
            if (!string.Equals(key, entry.Key, StringComparison.Ordinal))
            {
                if (keys++ == limit)
                {
                    return new(page, key);
                }

                key = entry.Key;
            }

            page.Add(entry);
        }

        return new(page, null);
    }

    public PersistentTree<PresenceEntry>.Enumerator GetEnumerator() => entries.GetEnumerator();

    private readonly struct ByIdentity(PresenceEntry sought) : IProbe<PresenceEntry>
    {
        public int CompareTo(PresenceEntry item)
        {
            var byKey = string.CompareOrdinal(sought.Key, item.Key);
            if (byKey != 0)
            {
                return byKey;
            }

            var byOwner = sought.Owner.CompareTo(item.Owner);
            return byOwner != 0 ? byOwner : sought.Process.CompareTo(item.Process);
        }
    }

    private readonly struct ByTriple(string key, Crdt.ReplicaId owner, ulong process) : IProbe<PresenceEntry>
    {
        public int CompareTo(PresenceEntry item)
        {
            var byKey = string.CompareOrdinal(key, item.Key);
            if (byKey != 0)
            {
                return byKey;
            }

            var byOwner = owner.CompareTo(item.Owner);
            return byOwner != 0 ? byOwner : process.CompareTo(item.Process);
        }
    }

    /// <summary>Stands before the first entry of the key.</summary>
    private readonly struct ByKey(string key) : IProbe<PresenceEntry>
    {
        public int CompareTo(PresenceEntry item)
        {
            var byKey = string.CompareOrdinal(key, item.Key);
            return byKey != 0 ? byKey : -1;
        }
    }

    /// <summary>Stands behind the last entry of the key.</summary>
    private readonly struct AfterKey(string key) : IProbe<PresenceEntry>
    {
        public int CompareTo(PresenceEntry item)
        {
            var byKey = string.CompareOrdinal(key, item.Key);
            return byKey != 0 ? byKey : 1;
        }
    }
}
