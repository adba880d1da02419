namespace Presence.Tracker.Index;

/// <summary>One topic of an index: the state of the writer and the published state.</summary>
/// <remarks>
/// Publishing each change as a tree would copy a path of nodes each time. Changes are appended to a tail instead and
/// applied to the tree in batches; publishing writes one number. Readers create snapshots and merge tail and tree on
/// demand; the shard continues from the merged tree.
/// </remarks>
internal sealed class TopicNode
{
    private const int ShortTail = 16;
    private const int LongTail = 64;
    private const int MaxTail = 128;

    /// <summary>Changes per publication beyond which the tree is changed directly: they share new nodes.</summary>
    private const int MaxInTail = 16;

    private readonly string _topic;
    private TopicTail _tail;
    private volatile TopicTail _published;
    private int _changes;

    public TopicNode(string topic)
    {
        _topic = topic;
        _published = _tail = new TopicTail(topic, EntryTree.Empty, 0, 0, ShortTail);
    }

    public string Topic => _topic;

    public int Count { get; private set; }

    public int KeyCount { get; private set; }

    /// <summary>Gets whether there are unpublished changes.</summary>
    public bool IsChanged => _changes > 0;

    public TopicSnapshot Snapshot => _published.Snapshot();

    public TopicCount Counts => _published.Counts();

    public PresenceEntry? Find(PresenceEntry identity)
    {
        var edits = _tail.Edits;
        for (var i = _tail.LastOf(identity.Process, edits.Length); i >= 0; i = _tail.LastOf(identity.Process, i))
        {
            var entry = edits[i].Entry;
            if (entry.Process == identity.Process && entry.Owner == identity.Owner
                && string.Equals(entry.Key, identity.Key, StringComparison.Ordinal))
            {
                return edits[i].IsEnd ? null : entry;
            }
        }

        return _tail.Tree.Find(identity);
    }

    /// <summary>Adds or replaces an entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="isNew">Whether no version of it is visible.</param>
    /// <param name="isNewKey">Whether no other entry is visible under its key.</param>
    /// <param name="edit">The current edit.</param>
    public void Set(PresenceEntry entry, bool isNew, bool isNewKey, Edit edit)
    {
        Count += isNew ? 1 : 0;
        KeyCount += isNewKey ? 1 : 0;
        Change(entry, isEnd: false, edit);
    }

    /// <summary>Removes an existing entry.</summary>
    /// <returns>Whether no other entry has its key.</returns>
    public bool Remove(PresenceEntry entry, Edit edit)
    {
        if (Count == KeyCount)
        {
            Count--;
            KeyCount--;
            Change(entry, isEnd: true, edit);
            return true;
        }

        Count--;
        _changes++;
        var tree = _tail.Tree.With(_tail.Edits, edit.Token).Remove(entry, edit.Token);
        var isLast = !tree.HasKey(entry.Key);
        KeyCount -= isLast ? 1 : 0;
        ContinueFrom(tree, KeyCount);
        return isLast;
    }

    public void Publish()
    {
        _changes = 0;
        _tail.Publish();
        if (_published != _tail)
        {
            _published = _tail;
        }
    }

    private void Change(PresenceEntry entry, bool isEnd, Edit edit)
    {
        if (!IsChanged && _tail.Length > 0 && _tail.Merged is { } merged)
        {
            // All changes are published, and a reader has merged them.
            ContinueFrom(merged.Merged!, merged.KeyCount);
        }

        if (++_changes > MaxInTail)
        {
            ContinueFrom(With(entry, isEnd, edit.Token), KeyCount);
            return;
        }

        _tail.Append(new EntryEdit(entry, isEnd, Count, KeyCount));
        if (_tail.IsFull)
        {
            ContinueFrom(_tail.Tree.With(_tail.Edits, edit.Token), KeyCount);
        }
    }

    private EntryTree With(PresenceEntry entry, bool isEnd, EditToken edit)
    {
        var tree = _tail.Length == 0 ? _tail.Tree : _tail.Tree.With(_tail.Edits, edit);
        return isEnd ? tree.Remove(entry, edit) : tree.Set(entry, edit);
    }

    private void ContinueFrom(EntryTree tree, int keyCount)
    {
        if (_tail.Length == 0 && _tail != _published)
        {
            _tail.Restart(tree, keyCount);
        }
        else
        {
            _tail = new TopicTail(_topic, tree, tree.Count, keyCount, TailCapacity(tree.Count));
        }
    }

    /// <summary>Returns the tail capacity: for a small topic its size, to rebuild its tree per doubling.</summary>
    private static int TailCapacity(int entries) =>
        Math.Clamp(Math.Max(Math.Min(entries, LongTail), entries / 16), ShortTail, MaxTail);
}
