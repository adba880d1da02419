using Presence.Tracker.Sessions;

namespace Presence.Tracker.Cursors;

/// <summary>Finds what the holder of a cursor has missed.</summary>
internal static class CursorDifference
{
    /// <summary>
    /// Takes changes back, separately for each replica, until its presences are those of the cursor. A replica writes
    /// its changes in one order that all nodes see, whatever changes of others come between.
    /// </summary>
    /// <param name="cursor">What the reader has.</param>
    /// <param name="current">The current picture.</param>
    /// <param name="newestFirst">The changes of the topic that led to it, as far as they are remembered.</param>
    /// <param name="defect">A defect for tests.</param>
    /// <returns>The net changes; null if the reader needs the state.</returns>
    public static IReadOnlyList<PresenceChange>? Since(
        TopicCursor cursor, TopicDigest current, IEnumerable<PresenceChange> newestFirst,
        CursorDefect defect = CursorDefect.None)
    {
        var past = current.Copy();
        var open = cursor.Differences(past);
        if (defect == CursorDefect.IgnoresHiddenOwners)
        {
            open.RemoveWhere(owner => !current.Sums.ContainsKey(owner));
        }

        var net = new NetChanges();
        using var changes = newestFirst.GetEnumerator();
        while (open.Count > 0 && changes.MoveNext())
        {
            var change = changes.Current;
            uint? added = change.Kind == PresenceChangeKind.Left ? null : TopicDigest.OwnerOf(change.Entry);
            uint? removed = change.LastShown is { } shown ? TopicDigest.OwnerOf(shown) : null;
            net.Note(change, removed is { } end && open.Contains(end));
            if (added is { } to && open.Contains(to))
            {
                past.Remove(change.Entry);
                net.Add(change.Entry, -1);
            }

            if (removed is { } from && open.Contains(from))
            {
                past.Add(change.LastShown!);
                net.Add(change.LastShown!, 1);
            }

            Close(added);
            Close(removed);
        }

        var isExact = open.Count == 0 && cursor.Total == past.Total;
        return isExact || defect is CursorDefect.Unchecked or CursorDefect.IgnoresHiddenOwners ? net.Drain() : null;

        void Close(uint? owner)
        {
            if (owner is { } changed && cursor.Matches(past, changed))
            {
                open.Remove(changed);
            }
        }
    }

    /// <summary>The difference of two pictures, by public id.</summary>
    private sealed class NetChanges
    {
        private readonly Dictionary<(string Key, RefDot Ref), (PresenceEntry Entry, int Count)> _counts = [];
        private readonly Dictionary<PresenceIdentity, (PresenceChange Change, bool IsLater)> _ends = [];

        /// <summary>Keeps the last leave of a presence: its final version and reason.</summary>
        /// <param name="change">The change.</param>
        /// <param name="isLater">
        /// Whether it is certainly later than the cursor. An earlier one ends nothing that the reader has: the session
        /// has tracked the presence again since.
        /// </param>
        public void Note(in PresenceChange change, bool isLater)
        {
            if (change.Kind == PresenceChangeKind.Left)
            {
                _ends.TryAdd(change.Entry.Identity, (change, isLater));
            }
        }

        /// <param name="entry">A version.</param>
        /// <param name="by">1 if only the past picture has it, -1 if only the current one.</param>
        public void Add(PresenceEntry entry, int by)
        {
            var version = (entry.Key, entry.RefDot);
            var count = _counts.GetValueOrDefault(version).Count + by;
            if (count == 0)
            {
                _counts.Remove(version);
            }
            else
            {
                _counts[version] = (entry, count);
            }
        }

        /// <summary>Returns leaves, then updates and joins, so that they can be applied in this order.</summary>
        public List<PresenceChange> Drain()
        {
            var changes = new List<PresenceChange>(_counts.Count);
            var updated = new Dictionary<PresenceIdentity, PresenceEntry>();
            var present = _counts.Values.Where(v => v.Count < 0).Select(v => v.Entry.Identity).ToHashSet();
            foreach (var (entry, _) in _counts.Values.Where(v => v.Count > 0).Reverse())
            {
                if (_ends.TryGetValue(entry.Identity, out var end)
                    && (end.IsLater || !present.Contains(entry.Identity)))
                {
                    changes.Add(end.Change with { LastShown = entry, ChangesKey = false });
                }
                else
                {
                    updated.TryAdd(entry.Identity, entry);
                }
            }

            foreach (var (entry, _) in _counts.Values.Where(v => v.Count < 0).Reverse())
            {
                changes.Add(updated.Remove(entry.Identity, out var old)
                    ? PresenceChange.Updated(old, entry)
                    : PresenceChange.Joined(entry));
            }

            return changes;
        }
    }
}

/// <summary>A deliberate defect that the tests of cursors must detect.</summary>
internal enum CursorDefect
{
    /// <summary>No defect.</summary>
    None,

    /// <summary>The presences of a replica that is hidden now are taken as unchanged.</summary>
    IgnoresHiddenOwners,

    /// <summary>What was found is sent although the picture before it is not that of the cursor.</summary>
    Unchecked,
}
