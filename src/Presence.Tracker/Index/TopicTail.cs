namespace Presence.Tracker;

/// <summary>A topic as a tree and the changes after it. One writer appends; readers see as many changes as were published.</summary>
/// <param name="topic">The topic.</param>
/// <param name="tree">Those that were present before the changes.</param>
/// <param name="count">Entries of the tree.</param>
/// <param name="keyCount">Keys of the tree.</param>
/// <param name="capacity">How many changes it takes at most.</param>
internal sealed class TopicTail(string topic, EntryTree tree, int count, int keyCount, int capacity)
{
    private const int Shortest = 4;

    private EntryTree _tree = tree;
    private int _count = count;
    private int _keyCount = keyCount;
    private EntryEdit[]? _edits;
    private int[] _marks = [];
    private int _published;
    private volatile TopicSnapshot? _latest;

    public EntryTree Tree => _tree;

    /// <summary>Changes, published or not. For the writer.</summary>
    public int Length { get; private set; }

    public bool IsFull => Length == capacity;

    public ReadOnlySpan<EntryEdit> Edits => _edits.AsSpan(0, Length);

    /// <summary>The last change before <paramref name="end"/> that may be of a process, or -1. Looks at no entry. For the writer.</summary>
    public int LastOf(ulong process, int end) => _marks.AsSpan(0, end).LastIndexOf(MarkOf(process));

    /// <summary>What a reader has made of all changes so far, if one has.</summary>
    public TopicSnapshot? Merged => _latest is { Merged: not null } latest && latest.TailLength == Length ? latest : null;

    public void Append(EntryEdit edit)
    {
        // Never written twice to one place: readers look there. Those who find the shorter array want no more than is in it.
        if (_edits is null || Length == _edits.Length)
        {
            Array.Resize(ref _edits, Math.Min(capacity, Math.Max(Shortest, Length * 4)));
            Array.Resize(ref _marks, _edits.Length);
        }

        _marks[Length] = MarkOf(edit.Entry.Process);
        _edits[Length++] = edit;
    }

    /// <summary>Goes on from another tree: while there are no changes after it, and no reader sees this.</summary>
    public void Restart(EntryTree from, int keys) => (_tree, _count, _keyCount) = (from, from.Count, keys);

    private static int MarkOf(ulong process) => (int)process;

    public void Publish() => Volatile.Write(ref _published, Length);

    /// <summary>Entries and keys after the last published change. For any thread; allocates nothing.</summary>
    public TopicCount Counts()
    {
        var length = Volatile.Read(ref _published);
        var edits = Volatile.Read(ref _edits);
        return length == 0
            ? new TopicCount(topic, _count, _keyCount)
            : new TopicCount(topic, edits![length - 1].Count, edits[length - 1].KeyCount);
    }

    /// <summary>What was published so far, the same object until more is. For any thread.</summary>
    public TopicSnapshot Snapshot()
    {
        var length = Volatile.Read(ref _published);
        if (_latest is { } latest && latest.TailLength == length)
        {
            return latest;
        }

        // Two readers at once may make one each, or put back an older one: the next reader sees that by its length.
        var edits = Volatile.Read(ref _edits);
        var snapshot = length == 0
            ? new TopicSnapshot(topic, _tree, null, 0, _count, _keyCount)
            : new TopicSnapshot(topic, _tree, edits, length, edits![length - 1].Count, edits[length - 1].KeyCount);
        _latest = snapshot;
        return snapshot;
    }
}

/// <summary>One change of a topic that its tree does not have yet.</summary>
internal readonly struct EntryEdit
{
    private readonly int _keys;

    public EntryEdit(PresenceEntry entry, bool isEnd, int count, int keyCount)
    {
        Entry = entry;
        Count = count;
        _keys = isEnd ? ~keyCount : keyCount;
    }

    /// <summary>The entry as it is, or was last.</summary>
    public PresenceEntry Entry { get; }

    /// <summary>Entries of the topic after the change.</summary>
    public int Count { get; }

    /// <summary>Keys of the topic after the change.</summary>
    public int KeyCount => IsEnd ? ~_keys : _keys;

    /// <summary>Whether the entry is there no more.</summary>
    public bool IsEnd => _keys < 0;
}
