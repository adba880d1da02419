using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>One topic of an index: what the shard works on, and what readers see.</summary>
/// <remarks>
/// To publish each change of a large topic as a tree would copy a path of nodes each time. So changes go to a tail that is only
/// appended to, and from there into the tree many at once. A reader brings its snapshot's tree up to date when it needs
/// it, and the shard goes on from that tree.
/// </remarks>
internal sealed class TopicNode(string topic)
{
    /// <summary>Entries from which on a topic has a tail: with fewer, a change copies a leaf or two.</summary>
    private const int Small = 48;

    private const int ShortestTail = 16;
    private const int LongestTail = 128;

    private volatile TopicSnapshot _snapshot = new(topic);
    private EntryTree _tree = EntryTree.Empty;
    private EntryEdit[]? _tail;
    private int _tailLength;

    public string Topic => topic;

    public int Count { get; private set; }

    public int KeyCount { get; set; }

    /// <summary>Whether something is not published.</summary>
    public bool IsChanged { get; set; }

    public TopicSnapshot Snapshot => _snapshot;

    public PresenceEntry? Find(PresenceEntry identity) =>
        Find(identity.Key, identity.Owner, identity.Process);

    public PresenceEntry? Find(string key, ReplicaId owner, ulong process)
    {
        for (var i = _tailLength - 1; i >= 0; i--)
        {
            var (entry, isEnd) = _tail![i];
            if (entry.Process == process && entry.Owner == owner && string.Equals(entry.Key, key, StringComparison.Ordinal))
            {
                return isEnd ? null : entry;
            }
        }

        return _tree.Find(key, owner, process);
    }

    public void Set(PresenceEntry entry, bool isNew, EditToken edit)
    {
        Count += isNew ? 1 : 0;
        Change(new EntryEdit(entry, IsEnd: false), edit);
    }

    /// <summary>Removes an entry that is there.</summary>
    /// <returns>Whether no other has its key.</returns>
    public bool Remove(PresenceEntry entry, EditToken edit)
    {
        var areUnique = Count == KeyCount;
        Count--;
        Change(new EntryEdit(entry, IsEnd: true), edit);
        if (areUnique)
        {
            return true;
        }

        Merge(edit);
        return !_tree.HasKey(entry.Key);
    }

    public void Publish()
    {
        IsChanged = false;
        _snapshot = new TopicSnapshot(topic, _tree, _tail, _tailLength, Count, KeyCount);
    }

    private void Change(EntryEdit change, EditToken edit)
    {
        if (_tailLength > 0 && !IsChanged && _snapshot.Merged is { } merged)
        {
            // Everything so far was published, and a reader has made the tree of it.
            _tree = merged;
            ForgetTail();
        }

        IsChanged = true;
        if (_tailLength == 0 && _tree.Count < Small)
        {
            _tree = change.IsEnd ? _tree.Remove(change.Entry, edit) : _tree.Set(change.Entry, edit);
            return;
        }

        // A new one each time: readers may still look into the one before.
        _tail ??= new EntryEdit[Math.Clamp(_tree.Count / 16, ShortestTail, LongestTail)];
        _tail[_tailLength++] = change;
        if (_tailLength == _tail.Length)
        {
            Merge(edit);
        }
    }

    private void Merge(EditToken edit)
    {
        _tree = _tree.With(_tail.AsSpan(0, _tailLength), edit);
        ForgetTail();
    }

    private void ForgetTail()
    {
        _tail = null;
        _tailLength = 0;
    }
}
