using System.Collections;

namespace Presence.Tracker;

/// <summary>Who is present in one topic at one moment: immutable, ordered by key (ordinal), safe on any thread.</summary>
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

    /// <summary>For stand-ins in tests: nothing is later than the tree.</summary>
    internal TopicSnapshot(string topic, EntryTree tree)
        : this(topic, tree, null, 0, tree.Count, tree.CountKeys())
    {
    }

    /// <param name="topic">The topic.</param>
    /// <param name="tree">Those that were present before the changes in the tail.</param>
    /// <param name="tail">Later changes; its owner appends to it and never writes twice to one place.</param>
    /// <param name="tailLength">How many changes of the tail this snapshot has.</param>
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

    /// <summary>The topic.</summary>
    public string Topic { get; }

    /// <summary>Presences in the topic. A field read.</summary>
    public int Count { get; }

    /// <summary>Distinct keys in the topic. A field read.</summary>
    public int KeyCount { get; }

    /// <summary>Returns whether nothing changed between the two; false may also mean that it is not known.</summary>
    internal bool IsSame(TopicSnapshot other) =>
        ReferenceEquals(_tree, other._tree) && ReferenceEquals(_tail, other._tail) && _tailLength == other._tailLength;

    /// <summary>How many changes after its tree it has.</summary>
    internal int TailLength => _tailLength;

    /// <summary>The tree with all changes, if somebody needed it; the writer goes on from there.</summary>
    internal EntryTree? Merged => _merged;

    /// <summary>
    /// The tree with all changes. The first reader of a snapshot makes it, out of at most as many changes as a tail holds; two that
    /// come at once make it twice, which does no harm.
    /// </summary>
    internal EntryTree Entries => _merged ??= _tree.With(_tail.AsSpan(0, _tailLength), new EditToken());

    /// <summary>All presences under a key, oldest owner first; empty if the key is absent.</summary>
    public IReadOnlyList<PresenceEntry> GetByKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Entries.GetByKey(key);
    }

    /// <summary>The presences of up to <paramref name="limit"/> keys after <paramref name="after"/>, in key order.</summary>
    /// <param name="after">The last key of the previous page, or null for the first page.</param>
    /// <param name="limit">Keys on the page, at least 1.</param>
    public PresencePage Page(string? after, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return Entries.Page(after, limit);
    }

    /// <summary>Enumerates the presences in key order.</summary>
    public Enumerator GetEnumerator() => new(Entries.GetEnumerator());

    IEnumerator<PresenceEntry> IEnumerable<PresenceEntry>.GetEnumerator() => Enumerate();

    IEnumerator IEnumerable.GetEnumerator() => Enumerate();

    private IEnumerator<PresenceEntry> Enumerate()
    {
        var at = Entries.GetEnumerator();
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

        /// <summary>The presence the enumerator stands on.</summary>
        public readonly PresenceEntry Current => _at.Current;

        /// <summary>Steps to the next presence; false behind the last.</summary>
        public bool MoveNext() => _at.MoveNext();
    }
}

/// <summary>One page of a topic.</summary>
/// <param name="Entries">Whole keys only, in key order.</param>
/// <param name="Next">Give this as <c>after</c> to get the next page; null on the last.</param>
public sealed record PresencePage(IReadOnlyList<PresenceEntry> Entries, string? Next);

/// <summary>Counts of one topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Count">Presences in it.</param>
/// <param name="KeyCount">Distinct keys in it.</param>
public readonly record struct TopicCount(string Topic, int Count, int KeyCount);
