using System.Collections;
using Presence.Tracker.Index;

namespace Presence.Tracker;

/// <summary>The presences of one topic at one moment, ordered by key (ordinal). Immutable, thread-safe.</summary>
public sealed class TopicSnapshot : IReadOnlyCollection<PresenceEntry>
{
    private readonly EntryTree _tree;
    private readonly EntryEdit[]? _tail;
    private readonly int _tailLength;
    private volatile EntryTree? _merged;

    internal TopicSnapshot(string topic)
        : this(topic, EntryTree.Empty, null, 0, 0, 0)
    {
    }

    /// <summary>Creates a snapshot without a tail, for tests.</summary>
    internal TopicSnapshot(string topic, EntryTree tree)
        : this(topic, tree, null, 0, tree.Count, tree.CountKeys())
    {
    }

    /// <param name="topic">The topic.</param>
    /// <param name="tree">The entries before the changes in the tail.</param>
    /// <param name="tail">Later changes; the owner only appends to it.</param>
    /// <param name="tailLength">The number of changes in the tail that belong to this snapshot.</param>
    /// <param name="count">Entries after these changes.</param>
    /// <param name="keyCount">Keys after these changes.</param>
    internal TopicSnapshot(string topic, EntryTree tree, EntryEdit[]? tail, int tailLength, int count, int keyCount)
    {
        Topic = topic;
        _tree = tree;
        _tail = tail;
        _tailLength = tailLength;
        _merged = tailLength == 0 ? tree : null;
        Count = count;
        KeyCount = keyCount;
    }

    /// <summary>Gets the topic.</summary>
    public string Topic { get; }

    /// <summary>Gets the number of presences in the topic. A field read.</summary>
    public int Count { get; }

    /// <summary>Gets the number of distinct keys in the topic. A field read.</summary>
    public int KeyCount { get; }

    /// <summary>Returns true if nothing changed between the two; false if something may have changed.</summary>
    internal bool IsSame(TopicSnapshot other) =>
        ReferenceEquals(_tree, other._tree) && ReferenceEquals(_tail, other._tail) && _tailLength == other._tailLength;

    /// <summary>Gets whether the counts are those of the presences; otherwise some are elsewhere.</summary>
    internal bool HasExactCounts { get; private init; } = true;

    /// <summary>Returns the same presences with the counts of a topic of which they are a part.</summary>
    internal TopicSnapshot WithCounts(int count, int keyCount) =>
        new(Topic, _tree, _tail, _tailLength, count, keyCount) { HasExactCounts = false };

    /// <summary>Gets the number of changes after the tree.</summary>
    internal int TailLength => _tailLength;

    /// <summary>Gets the tree with all changes if a reader has merged them.</summary>
    internal EntryTree? Merged => _merged;

    /// <summary>Gets the tree with all changes. The first reader merges it; concurrent merges are harmless.</summary>
    internal EntryTree Entries => _merged ??= _tree.With(_tail.AsSpan(0, _tailLength), new EditToken());

    /// <summary>Returns all presences under a key, ordered by owner; empty if the key is absent.</summary>
    public IReadOnlyList<PresenceEntry> GetByKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Entries.GetByKey(key);
    }

    /// <summary>Returns the presences of the next <paramref name="limit"/> keys, in key order.</summary>
    /// <param name="after">The last key of the previous page, or null for the first page.</param>
    /// <param name="limit">Maximum number of keys on the page, at least 1.</param>
    public PresencePage Page(string? after, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return Entries.Page(after, limit);
    }

    /// <summary>Enumerates the presences in key order.</summary>
    public Enumerator GetEnumerator() => new(Entries.GetEnumerator());

    IEnumerator<PresenceEntry> IEnumerable<PresenceEntry>.GetEnumerator() => From(null).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => From(null).GetEnumerator();

    /// <summary>Enumerates the presences from one of them on; from the first if null.</summary>
    internal IEnumerable<PresenceEntry> From(PresenceEntry? first)
    {
        var at = first is null ? Entries.GetEnumerator() : Entries.From(first);
        while (at.MoveNext())
        {
            yield return at.Current;
        }
    }

    /// <summary>Enumerates a snapshot without allocating per presence.</summary>
    public struct Enumerator
    {
        private PersistentTree<PresenceEntry>.Enumerator _at;

        internal Enumerator(PersistentTree<PresenceEntry>.Enumerator at) => _at = at;

        /// <summary>Gets the current presence.</summary>
        public readonly PresenceEntry Current => _at.Current;

        /// <summary>Moves to the next presence; returns false after the last.</summary>
        public bool MoveNext() => _at.MoveNext();
    }
}

/// <summary>One page of a topic.</summary>
/// <param name="Entries">Whole keys only, in key order.</param>
/// <param name="Next">The value of <c>after</c> for the next page; null on the last.</param>
public sealed record PresencePage(IReadOnlyList<PresenceEntry> Entries, string? Next);

/// <summary>Counts of one topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Count">Presences in it.</param>
/// <param name="KeyCount">Distinct keys in it.</param>
public readonly record struct TopicCount(string Topic, int Count, int KeyCount);
