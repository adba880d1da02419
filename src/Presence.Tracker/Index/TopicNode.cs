using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>One topic of an index: what the shard works on, and what readers see.</summary>
/// <remarks>
/// To publish each change as a tree would copy a path of nodes each time. So changes go to a tail that is only appended to, and from
/// there into the tree many at once; publishing is the write of a number. A reader makes the snapshot it wants, and
/// brings its tree up to date when it needs it; the shard goes on from that tree.
/// </remarks>
internal sealed class TopicNode
{
    private const int ShortTail = 16;
    private const int LongTail = 64;
    private const int LongestTail = 128;

    /// <summary>Changes between two publications beyond which the tree takes them at once: they share its new nodes.</summary>
    private const int MostApart = 16;

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

    /// <summary>Whether something is not published.</summary>
    public bool IsChanged => _changes > 0;

    public TopicSnapshot Snapshot => _published.Snapshot();

    public TopicCount Counts => _published.Counts();

    public PresenceEntry? Find(PresenceEntry identity) =>
        Find(identity.Key, identity.Owner, identity.Process);

    public PresenceEntry? Find(string key, ReplicaId owner, ulong process)
    {
        var edits = _tail.Edits;
        for (var i = _tail.LastOf(process, edits.Length); i >= 0; i = _tail.LastOf(process, i))
        {
            var entry = edits[i].Entry;
            if (entry.Process == process && entry.Owner == owner && string.Equals(entry.Key, key, StringComparison.Ordinal))
            {
                return edits[i].IsEnd ? null : entry;
            }
        }

        return _tail.Tree.Find(key, owner, process);
    }

    /// <summary>Shows an entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="isNew">Whether no version of it is shown.</param>
    /// <param name="isNewKey">Whether nothing else is shown under its key.</param>
    /// <param name="edit">The edit under way.</param>
    public void Set(PresenceEntry entry, bool isNew, bool isNewKey, Edit edit)
    {
        Count += isNew ? 1 : 0;
        KeyCount += isNewKey ? 1 : 0;
        Change(entry, isEnd: false, edit);
    }

    /// <summary>Removes an entry that is there.</summary>
    /// <returns>Whether no other has its key.</returns>
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
        GoOnFrom(tree, KeyCount);
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
            // Everything so far was published, and a reader has made the tree of it.
            GoOnFrom(merged.Merged!, merged.KeyCount);
        }

        if (++_changes > MostApart)
        {
            GoOnFrom(With(entry, isEnd, edit.Token), KeyCount);
            return;
        }

        _tail.Append(new EntryEdit(entry, isEnd, Count, KeyCount));
        if (_tail.IsFull)
        {
            GoOnFrom(_tail.Tree.With(_tail.Edits, edit.Token), KeyCount);
        }
    }

    private EntryTree With(PresenceEntry entry, bool isEnd, EditToken edit)
    {
        var tree = _tail.Length == 0 ? _tail.Tree : _tail.Tree.With(_tail.Edits, edit);
        return isEnd ? tree.Remove(entry, edit) : tree.Set(entry, edit);
    }

    private void GoOnFrom(EntryTree tree, int keyCount)
    {
        if (_tail.Length == 0 && _tail != _published)
        {
            _tail.Restart(tree, keyCount);
        }
        else
        {
            _tail = new TopicTail(_topic, tree, tree.Count, keyCount, TailOf(tree.Count));
        }
    }

    /// <summary>As many as a small topic has: then a tree is made anew once each time the topic has doubled.</summary>
    private static int TailOf(int entries) => Math.Clamp(Math.Max(Math.Min(entries, LongTail), entries / 16), ShortTail, LongestTail);
}
