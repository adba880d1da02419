using Presence.Tracker.Entries;

namespace Presence.Tracker;

/// <summary>
/// Coalesces changes to their net effect: at most one join, update or leave-and-join per presence. The memory for a
/// lagging observer depends on the number of presences that changed, not on the number of changes.
/// </summary>
/// <remarks>
/// Join then update: join of the newest version. Join then leave: nothing. Update then update: one update from the
/// version shown first to the newest. Update then leave: a leave with the final version. Leave then join: both. Out of
/// a view and back: an update, or nothing if the version is the same.
/// A key that became present or absent in sum is marked so at one change.
/// </remarks>
public sealed class DiffCoalescer
{
    private readonly Dictionary<PresenceIdentity, Net> _nets = [];
    private readonly KeyMarks _keys = new();
    private long _order;

    /// <summary>Gets the number of presences with a net change.</summary>
    public int Count => _nets.Count;

    /// <summary>Adds a change that is later than all changes added before.</summary>
    public void Add(PresenceChange change)
    {
        var entry = change.Entry;
        var identity = entry.Identity;
        if (!_nets.TryGetValue(identity, out var net))
        {
            net = new Net { Order = _order++, Shown = change.LastShown };
            _nets.Add(identity, net);
        }

        if (change.ChangesKey)
        {
            _keys.Add(entry, change.IsFirst);
        }

        net.Present = change.Kind == PresenceChangeKind.Left ? null : entry;
        net.JoinReason = change.Kind == PresenceChangeKind.Joined ? change.Reason : net.JoinReason;
        if (change.Kind == PresenceChangeKind.Left && net.Shown is not null
            && net.End is null or { Reason: LeaveReason.OutOfView })
        {
            net.End = change with { LastShown = net.Shown, ChangesKey = false };
        }

        if (net.Shown is null && net.Present is null)
        {
            _nets.Remove(identity);
        }
    }

    /// <summary>Returns the net changes, in order of first changes, and empties the coalescer.</summary>
    public IReadOnlyList<PresenceChange> Drain()
    {
        var changes = new List<PresenceChange>(_nets.Count);
        foreach (var net in _nets.Values.OrderBy(n => n.Order))
        {
            if (net is { Shown: { } shown, Present: { } present } && (net.End is null || net.IsBackInView))
            {
                if (net.End is null || shown.Dot != present.Dot)
                {
                    changes.Add(PresenceChange.Updated(shown, present));
                }

                continue;
            }

            if (net.End is { } end)
            {
                changes.Add(end);
            }

            if (net.Present is { } joined)
            {
                changes.Add(PresenceChange.Joined(joined) with { Reason = net.JoinReason });
            }
        }

        _nets.Clear();
        _order = 0;
        _keys.Mark(changes);
        return changes;
    }

    private sealed class Net
    {
        public required long Order { get; init; }

        /// <summary>The version that observers saw before the first change; null if none.</summary>
        public PresenceEntry? Shown { get; init; }

        /// <summary>The leave of <see cref="Shown"/>; null if it did not end.</summary>
        public PresenceChange? End { get; set; }

        /// <summary>The current version; null if the presence ended.</summary>
        public PresenceEntry? Present { get; set; }

        /// <summary>The reason of the last join.</summary>
        public LeaveReason JoinReason { get; set; }

        /// <summary>Whether the presence went out of a view and came back.</summary>
        public bool IsBackInView =>
            End is { Reason: LeaveReason.OutOfView } && JoinReason == LeaveReason.OutOfView;
    }
}
