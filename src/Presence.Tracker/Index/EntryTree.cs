using System.Buffers;
using System.Runtime.InteropServices;

namespace Presence.Tracker.Index;

/// <summary>The entries of one topic, ordered by key (ordinal), then owner, then process. Immutable.</summary>
internal sealed class EntryTree(PersistentTree<PresenceEntry> entries)
{
    /// <summary>Fewer changes than this are applied one by one.</summary>
    private const int MinForAll = 8;

    public static EntryTree Empty { get; } = new(default);

    public int Count => entries.Count;

    /// <summary>Gets the last key; null if there are no entries.</summary>
    public string? LastKey => entries.Last?.Key;

    /// <summary>Returns a tree of entries in key order, of which there is at least one.</summary>
    public static EntryTree OfAscending(List<PresenceEntry> ascending) =>
        new(new PersistentTree<PresenceEntry>(
            TreeNode<PresenceEntry>.Build(CollectionsMarshal.AsSpan(ascending), new EditToken())));

    /// <summary>Counts the distinct keys. Enumerates all entries.</summary>
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

    public bool HasKey(string key) =>
        entries.First(new ByKey(key)) is { } first && string.Equals(first.Key, key, StringComparison.Ordinal);

    /// <summary>Returns a version that has the entry, which replaces an older version of itself.</summary>
    public EntryTree Set(PresenceEntry entry, EditToken edit) => new(entries.Set(entry, new ByIdentity(entry), edit));

    public EntryTree Remove(PresenceEntry entry, EditToken edit) => new(entries.Remove(new ByIdentity(entry), edit));

    /// <summary>Returns the version after some changes, in order.</summary>
    public EntryTree With(ReadOnlySpan<EntryEdit> changes, EditToken edit)
    {
        if (changes.Length >= MinForAll && changes.Length >= entries.Count / 4 && !HasEnds(changes))
        {
            return WithAll(changes, edit);
        }

        var to = entries;
        foreach (ref readonly var change in changes)
        {
            var probe = new ByIdentity(change.Entry);
            to = change.IsEnd ? to.Remove(probe, edit) : to.Set(change.Entry, probe, edit);
        }

        return new(to);
    }

    /// <summary>Sorts many changes and builds a new tree, which is cheaper than one search per change.</summary>
    private EntryTree WithAll(ReadOnlySpan<EntryEdit> sets, EditToken edit)
    {
        var pool = ArrayPool<PresenceEntry>.Shared;
        var rented = pool.Rent(sets.Length + sets.Length + entries.Count);
        var added = rented.AsSpan(0, sets.Length);
        for (var i = 0; i < sets.Length; i++)
        {
            added[i] = sets[i].Entry;
        }

        added.Sort(default(ByIdentityThenAge));
        var all = rented.AsSpan(sets.Length);
        var count = Merge(added, all);
        var tree = TreeNode<PresenceEntry>.Build(all[..count], edit);
        pool.Return(rented, clearArray: true);
        return new(new PersistentTree<PresenceEntry>(tree));
    }

    /// <summary>Merges the tree and the added entries, ascending; keeps the newest version of each entry.</summary>
    /// <returns>The number of entries.</returns>
    private int Merge(ReadOnlySpan<PresenceEntry> added, Span<PresenceEntry> to)
    {
        var count = 0;
        var here = entries.GetEnumerator();
        var hasMore = here.MoveNext();
        for (var i = 0; i < added.Length; i++)
        {
            var probe = new ByIdentity(added[i]);
            while (i + 1 < added.Length && probe.CompareTo(added[i + 1]) == 0)
            {
                i++;
            }

            var order = 0;
            while (hasMore && (order = probe.CompareTo(here.Current)) > 0)
            {
                to[count++] = here.Current;
                hasMore = here.MoveNext();
            }

            to[count++] = added[i];
            hasMore = hasMore && (order != 0 || here.MoveNext());
        }

        for (; hasMore; hasMore = here.MoveNext())
        {
            to[count++] = here.Current;
        }

        return count;
    }

    private static bool HasEnds(ReadOnlySpan<EntryEdit> changes)
    {
        foreach (ref readonly var change in changes)
        {
            if (change.IsEnd)
            {
                return true;
            }
        }

        return false;
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
        var at = after is null ? entries.GetEnumerator() : After(after);
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

    public PersistentTree<PresenceEntry>.Enumerator From(PresenceEntry first) => entries.From(new ByIdentity(first));

    /// <summary>Enumerates from the first key that does not precede a text.</summary>
    public PersistentTree<PresenceEntry>.Enumerator FromKey(string first) => entries.From(new ByKey(first));

    /// <summary>Enumerates from the first key after a key.</summary>
    public PersistentTree<PresenceEntry>.Enumerator After(string key) => entries.From(new AfterKey(key));

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

    /// <summary>Orders versions of an entry by sequence; both have the same owner.</summary>
    private readonly struct ByIdentityThenAge : IComparer<PresenceEntry>
    {
        public int Compare(PresenceEntry? x, PresenceEntry? y)
        {
            var byIdentity = new ByIdentity(x!).CompareTo(y!);
            return byIdentity != 0 ? byIdentity : x!.Sequence.CompareTo(y!.Sequence);
        }
    }

    /// <summary>Sorts before the first entry of the key.</summary>
    private readonly struct ByKey(string key) : IProbe<PresenceEntry>
    {
        public int CompareTo(PresenceEntry item)
        {
            var byKey = string.CompareOrdinal(key, item.Key);
            return byKey != 0 ? byKey : -1;
        }
    }

    /// <summary>Sorts after the last entry of the key.</summary>
    private readonly struct AfterKey(string key) : IProbe<PresenceEntry>
    {
        public int CompareTo(PresenceEntry item)
        {
            var byKey = string.CompareOrdinal(key, item.Key);
            return byKey != 0 ? byKey : 1;
        }
    }
}
