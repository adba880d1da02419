namespace Presence.Tracker.Index;

/// <summary>A topic as a tree and later changes. One writer appends; readers see published changes only.</summary>
/// <param name="topic">The topic.</param>
/// <param name="tree">The entries before the changes.</param>
/// <param name="count">Number of entries in the tree.</param>
/// <param name="keyCount">Number of keys in the tree.</param>
/// <param name="capacity">Maximum number of changes.</param>
internal sealed class TopicTail(string topic, EntryTree tree, int count, int keyCount, int capacity)
{
    private const int MinCapacity = 4;

    private EntryTree _tree = tree;
    private int _count = count;
    private int _keyCount = keyCount;
    private EntryEdit[]? _edits;
    private int[] _marks = [];
    private int _published;
    private volatile TopicSnapshot? _latest;

    public EntryTree Tree => _tree;

    /// <summary>Gets the number of changes, published or not. For the writer.</summary>
    public int Length { get; private set; }

    public bool IsFull => Length == capacity;

    public ReadOnlySpan<EntryEdit> Edits => _edits.AsSpan(0, Length);

    /// <summary>Returns the last change before <paramref name="end"/> that may be of a session, or -1.</summary>
    public int LastOf(ulong process, int end) => _marks.AsSpan(0, end).LastIndexOf(MarkOf(process));

    /// <summary>Gets the snapshot of all changes if a reader has merged it.</summary>
    public TopicSnapshot? Merged =>
        _latest is { Merged: not null } latest && latest.TailLength == Length ? latest : null;

    public void Append(EntryEdit edit)
    {
        // No place is written twice, because readers read concurrently; an older array has all they need.
        if (_edits is null || Length == _edits.Length)
        {
            Array.Resize(ref _edits, Math.Min(capacity, Math.Max(MinCapacity, Length * 4)));
            Array.Resize(ref _marks, _edits.Length);
        }

        _marks[Length] = MarkOf(edit.Entry.Process);
        _edits[Length++] = edit;
    }

    /// <summary>Replaces the tree. Allowed while there are no changes and no reader has this tail.</summary>
    public void Restart(EntryTree from, int keys) => (_tree, _count, _keyCount) = (from, from.Count, keys);

    private static int MarkOf(ulong process) => (int)process;

    public void Publish() => Volatile.Write(ref _published, Length);

    /// <summary>Returns the published counts, on any thread, without allocating.</summary>
    public TopicCount Counts()
    {
        var length = Volatile.Read(ref _published);
        var edits = Volatile.Read(ref _edits);
        return length == 0
            ? new TopicCount(topic, _count, _keyCount)
            : new TopicCount(topic, edits![length - 1].Count, edits[length - 1].KeyCount);
    }

    /// <summary>Returns the published snapshot, on any thread; the same object until the next publication.</summary>
    public TopicSnapshot Snapshot()
    {
        var length = Volatile.Read(ref _published);
        if (_latest is { } latest && latest.TailLength == length)
        {
            return latest;
        }

        // Concurrent readers may store an older snapshot; the next reader detects that by its length.
        var edits = Volatile.Read(ref _edits);
        var snapshot = length == 0
            ? new TopicSnapshot(topic, _tree, null, 0, _count, _keyCount)
            : new TopicSnapshot(topic, _tree, edits, length, edits![length - 1].Count, edits[length - 1].KeyCount);
        _latest = snapshot;
        return snapshot;
    }
}

/// <summary>One change of a topic that is not in its tree yet.</summary>
internal readonly struct EntryEdit
{
    private readonly int _keys;

    public EntryEdit(PresenceEntry entry, bool isEnd, int count, int keyCount)
    {
        Entry = entry;
        Count = count;
        _keys = isEnd ? ~keyCount : keyCount;
    }

    /// <summary>Gets the entry, or its last version if it ended.</summary>
    public PresenceEntry Entry { get; }

    /// <summary>Gets the number of entries after the change.</summary>
    public int Count { get; }

    /// <summary>Gets the number of keys after the change.</summary>
    public int KeyCount => IsEnd ? ~_keys : _keys;

    /// <summary>Gets whether the change ends the entry.</summary>
    public bool IsEnd => _keys < 0;
}
