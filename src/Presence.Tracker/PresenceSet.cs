using Presence.Tracker.Cursors;
using Presence.Tracker.Entries;
using Presence.Tracker.Index;

namespace Presence.Tracker;

/// <summary>The presences of one topic, kept by applying changes to an earlier state.</summary>
/// <remarks>
/// One thread applies at a time; <see cref="Current"/> can be read by any thread meanwhile. A change costs the
/// logarithm of the number of presences.
/// </remarks>
/// <param name="topic">The topic.</param>
public sealed class PresenceSet(string topic)
{
    /// <summary>Keys of so few changes are compared with each other.</summary>
    private const int MaxWithoutTable = 16;

    private EntryTree _entries = EntryTree.Empty;
    private EditToken? _edit;
    private int _keys;
    private TopicDigest? _digest;
    private volatile TopicSnapshot _current = new(topic);

    /// <summary>Gets the presences after the last applied changes, in key order (ordinal). Immutable.</summary>
    public TopicSnapshot Current => _current;

    /// <summary>Gets the digest of <see cref="Current"/>. It is computed once and then follows the changes.</summary>
    internal TopicDigest Digest => _digest ??= TopicDigest.Of(topic, _current);

    /// <summary>Applies changes in order: a join or update stores its entry, a leave removes it.</summary>
    public void Apply(IReadOnlyList<PresenceChange> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        if (changes.Count >= _entries.Count / 4 && !changes.Any(c => c.Entry.Stamp is not null))
        {
            // More than a quarter changes: one pass over all entries is cheaper than looking for each key.
            _entries = _entries.With(
                changes.Select(c => new EntryEdit(c.Entry, c.Kind == PresenceChangeKind.Left, 0, 0)).ToArray(),
                new EditToken());
            Show(new TopicSnapshot(topic, _entries));
            return;
        }

        foreach (var change in changes)
        {
            Edit(change.Entry, change.Kind == PresenceChangeKind.Left);
        }

        Publish([]);
    }

    /// <summary>Applies changes, and marks those by which a key becomes present or absent in sum.</summary>
    internal void ApplyAndMark(List<PresenceChange> changes)
    {
        var before = _current.Entries;
        Apply(changes);
        Mark(before, changes);
    }

    /// <summary>Replaces all presences, without reading them.</summary>
    internal void Reset(TopicSnapshot presences)
    {
        _entries = presences.Entries;
        Show(presences.HasExactCounts ? presences : new TopicSnapshot(topic, _entries));
    }

    /// <summary>Stores a join or update. <see cref="Current"/> has it after <see cref="Publish"/>.</summary>
    internal void Put(PresenceEntry entry) => Edit(entry, isEnd: false);

    /// <summary>Removes a presence, given one of its versions. <see cref="Current"/> lacks it after the same.</summary>
    internal void Remove(PresenceEntry version) => Edit(version, isEnd: true);

    /// <summary>
    /// Makes what was put and removed the current presences, and marks the changes that did it, as
    /// <see cref="ApplyAndMark"/>.
    /// </summary>
    internal void Publish(List<PresenceChange> changes)
    {
        var before = _current.Entries;
        _edit = null;
        _current = new TopicSnapshot(topic, _entries, null, 0, _entries.Count, _keys);
        Mark(before, changes);
    }

    /// <summary>Returns the presence that an entry is a version of; null if it is not in the set.</summary>
    internal PresenceEntry? Find(PresenceEntry version) =>
        FindOfSession(version) is { } found && (version.Stamp is not null || found.First == version.First)
            ? found
            : null;

    /// <summary>Returns the presence that the session of an entry has under its key; null if it has none.</summary>
    internal PresenceEntry? FindOfSession(PresenceEntry entry) => entry.Stamp is null
        ? _entries.Find(entry)
        : _entries.GetByKey(entry.Key).FirstOrDefault(entry.IsSamePresence);

    private void Edit(PresenceEntry entry, bool isEnd)
    {
        _edit ??= new EditToken();
        var hadKey = _entries.HasKey(entry.Key);
        if ((entry.Stamp is not null || _digest is not null) && FindOfSession(entry) is { } former)
        {
            // Another node may have continued it.
            _entries = _entries.Remove(former, _edit);
            _digest?.Remove(former);
        }

        if (isEnd)
        {
            _entries = _entries.Remove(entry, _edit);
            _keys -= hadKey && !_entries.HasKey(entry.Key) ? 1 : 0;
            return;
        }

        _entries = _entries.Set(entry, _edit);
        _keys += hadKey ? 0 : 1;
        _digest?.Add(entry);
    }

    private void Show(TopicSnapshot presences)
    {
        (_edit, _digest, _keys, _current) = (null, null, presences.KeyCount, presences);
    }

    private void Mark(EntryTree before, List<PresenceChange> changes)
    {
        if (changes.Count == 0)
        {
            return;
        }

        if (changes.Count <= MaxWithoutTable)
        {
            MarkFew(before, changes);
            return;
        }

        KeyMarks? keys = null;
        foreach (var change in changes)
        {
            if (IsKeyChangedBy(change, before, out var isPresent))
            {
                (keys ??= new()).Add(change.Entry, isPresent);
            }
        }

        keys?.Mark(changes);
    }

    private void MarkFew(EntryTree before, List<PresenceChange> changes)
    {
        for (var i = 0; i < changes.Count; i++)
        {
            var change = changes[i];
            if (IsKeyChangedBy(change, before, out var isPresent)
                && change.Kind == (isPresent ? PresenceChangeKind.Joined : PresenceChangeKind.Left)
                && !(isPresent ? Any(change, 0, i) : Any(change, i + 1, changes.Count)))
            {
                changes[i] = change with { ChangesKey = true };
            }
        }

        bool Any(PresenceChange same, int from, int to)
        {
            while (from < to && !(changes[from].Kind == same.Kind
                && string.Equals(changes[from].Entry.Key, same.Entry.Key, StringComparison.Ordinal)))
            {
                from++;
            }

            return from < to;
        }
    }

    private bool IsKeyChangedBy(PresenceChange change, EntryTree before, out bool isPresent)
    {
        var key = change.Entry.Key;
        isPresent = change.Kind != PresenceChangeKind.Updated && _entries.HasKey(key);
        return change.Kind != PresenceChangeKind.Updated && isPresent != before.HasKey(key);
    }
}
