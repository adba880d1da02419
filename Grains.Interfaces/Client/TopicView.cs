using Presence.Crdt;
using Presence.Tracker;
using Presence.Tracker.Sessions;

namespace Presence.Grains.Client;

/// <summary>
/// Keeps the presences of one topic as delivered to a handler. Turns lists and changes from any silo, late, repeated or
/// with gaps, into joins, updates and leaves that each happen once.
/// </summary>
/// <remarks>
/// <para>Presences are compared by dot: a version with a higher sequence is newer, and a silo that knows a replica up
/// to an event knows whether the entry which that event wrote still exists.</para>
/// <para>After a change to another silo the two may know different things. A presence that the new silo lacks counts as
/// left only if the silo knows enough of its owner. A presence that the view has already removed counts as back only if
/// the silo still lists it after <c>gracePeriod</c>. Until then the view is not <see cref="IsConsistent"/>, and the
/// reader lists again.</para>
/// <para>A presence that went out of a <see cref="PresenceView"/> may return at any time, but not in an older version:
/// a silo that lags would show it as it was before it went.</para>
/// <para>A session has one presence under a key: a later one shows that the one before has left.</para>
/// <para>Not thread-safe.</para>
/// </remarks>
/// <param name="shown">The presences that were delivered. Only the view changes them.</param>
/// <param name="time">The clock.</param>
/// <param name="gracePeriod">Time for which two silos may disagree.</param>
/// <param name="isOfView">Whether the lists are those of a <see cref="PresenceView"/>.</param>
internal sealed class TopicView(
    PresenceSet shown, TimeProvider time, TimeSpan gracePeriod, bool isOfView = false)
{
    private const int MaxRemembered = 50_000;
    private static readonly TimeSpan RememberDuration = TimeSpan.FromMinutes(1);

    private readonly Dictionary<PresenceId, Departure> _left = [];
    private readonly Queue<(PresenceId Id, long At)> _leftInOrder = new();
    private readonly Dictionary<PresenceId, long> _missing = [];
    private readonly Dictionary<PresenceId, long> _unconfirmed = [];
    private string _source = "";

    /// <summary>Gets whether no presence needs another list to be confirmed.</summary>
    public bool IsConsistent => _missing.Count == 0 && _unconfirmed.Count == 0;

    /// <summary>Gets the number of presences that left and must not return by a late event.</summary>
    internal int RememberedCount => _left.Count;

    /// <summary>Applies changes that follow the source's previous ones, and returns those to deliver, marked.</summary>
    public List<PresenceChange> Apply(IReadOnlyList<PresenceChange> changes)
    {
        var result = new List<PresenceChange>(changes.Count);
        foreach (var change in changes)
        {
            if (change.Kind == PresenceChangeKind.Left)
            {
                Leave(change.Entry, change.Reason, result);
            }
            else
            {
                Show(change.Entry, result, change.IsOfView);
            }
        }

        shown.Publish(result);
        return result;
    }

    /// <summary>Returns the list to which net changes lead from what is shown; changes nothing.</summary>
    public List<PresenceEntry> With(IReadOnlyList<PresenceChange> changes)
    {
        var ended = changes.Where(c => c.LastShown is not null)
            .Select(c => (c.LastShown!.Key, c.LastShown.RefDot))
            .ToHashSet();
        return
        [
            .. shown.Current.Where(e => !ended.Contains((e.Key, e.RefDot))),
            .. changes.Where(c => c.Kind != PresenceChangeKind.Left).Select(c => c.Entry),
        ];
    }

    /// <summary>Replaces the view by a silo's list, and returns the changes to deliver.</summary>
    /// <param name="source">The silo.</param>
    /// <param name="present">Its list.</param>
    /// <param name="known">What the silo knew when it made the list, or earlier.</param>
    public List<PresenceChange> Replace(
        string source,
        IEnumerable<PresenceEntry> present,
        IReadOnlyList<KnownReplica> known)
    {
        var sameSource = string.Equals(source, _source, StringComparison.Ordinal);
        _source = source;
        var result = new List<PresenceChange>();
        var listed = new HashSet<PresenceId>();
        var joining = new List<PresenceEntry>();
        foreach (var presence in present)
        {
            listed.Add(PresenceId.Of(presence));
            joining.Add(presence);
        }

        // Leaves first, so that a key that left and came back is never present twice.
        foreach (var unlisted in shown.Current)
        {
            var id = PresenceId.Of(unlisted);
            if (!listed.Contains(id)
                && ((sameSource && !_missing.ContainsKey(id)) || Knows(known, unlisted) || HasTimedOut(_missing, id)))
            {
                Leave(unlisted, InferLeaveReason(known, unlisted), result, mayReturn: isOfView);
            }
        }

        foreach (var id in _unconfirmed.Keys.Where(id => !listed.Contains(id)).ToList())
        {
            _unconfirmed.Remove(id);
        }

        foreach (var presence in joining.OrderBy(p => p.Owner).ThenBy(p => p.First.Sequence))
        {
            Show(presence, result);
        }

        shown.Publish(result);
        return result;
    }

    private static bool Knows(IReadOnlyList<KnownReplica> known, PresenceEntry presence) =>
        known.Any(replica => IsAfter(replica, presence) || KnowsEvent(replica, presence));

    /// <summary>Returns the reason of a leave that was missed.</summary>
    private static LeaveReason InferLeaveReason(IReadOnlyList<KnownReplica> known, PresenceEntry presence) =>
        known.Any(replica => KnowsEvent(replica, presence)) ? LeaveReason.Unknown : LeaveReason.NodeDown;

    private static bool IsAfter(KnownReplica replica, PresenceEntry presence) =>
        replica.Node == presence.Owner.Node && replica.Incarnation > presence.Owner.Incarnation;

    private static bool KnowsEvent(KnownReplica replica, PresenceEntry presence) =>
        replica.Node == presence.Owner.Node && replica.Incarnation == presence.Owner.Incarnation
        && replica.Clock >= presence.Dot.Sequence;

    private void Show(PresenceEntry presence, List<PresenceChange> result, bool isIntoView = false)
    {
        var id = PresenceId.Of(presence);
        _missing.Remove(id);
        var former = shown.FindOfSession(presence);
        if (former is not null && PresenceId.Of(former) == id)
        {
            if (IsNewer(presence, former))
            {
                shown.Put(presence);
                if (presence.Stamp is null || presence.RefDot != former.RefDot || presence.Meta != former.Meta)
                {
                    result.Add(new(PresenceChangeKind.Updated, presence, former, default));
                }
            }

            return;
        }

        if (former?.First.Sequence > presence.First.Sequence)
        {
            return;
        }

        if (_left.TryGetValue(id, out var departure))
        {
            if (departure.MayReturn)
            {
                if (IsNewer(departure.Final, presence))
                {
                    return;
                }

                isIntoView |= departure.IsOutOfView;
            }
            else if (departure.IsFinal && !(presence.Stamp is not null && IsNewer(presence, departure.Final)))
            {
                return;
            }
            else if (!string.Equals(departure.Source, _source, StringComparison.Ordinal)
                && !HasTimedOut(_unconfirmed, id))
            {
                return;
            }

            _left.Remove(id);
        }

        _unconfirmed.Remove(id);
        if (former is not null)
        {
            Leave(former, LeaveReason.Unknown, result);
        }

        shown.Put(presence);
        result.Add(new(PresenceChangeKind.Joined, presence, null, isIntoView ? LeaveReason.OutOfView : default));
    }

    private void Leave(
        PresenceEntry final, LeaveReason reason, List<PresenceChange> result, bool mayReturn = false)
    {
        var id = PresenceId.Of(final);
        var last = shown.Find(final);
        if (final.Stamp is not null && last is not null && IsNewer(last, final))
        {
            return;
        }

        _missing.Remove(id);
        _unconfirmed.Remove(id);

        var isOutOfView = reason == LeaveReason.OutOfView;
        if (isOutOfView && last is null)
        {
            // A silo that lags shows what has ended already.
            return;
        }

        // An unreachable node comes back with the same presences; every other leave of a topic is final.
        Remember(id, new Departure(
            _source, reason != LeaveReason.NodeDown, final, mayReturn || isOutOfView, isOutOfView));
        if (last is not null)
        {
            shown.Remove(last);
            result.Add(new(PresenceChangeKind.Left, final, last, reason));
        }
    }

    /// <summary>Compares versions of one presence; those of a resumable session may have different owners.</summary>
    private static bool IsNewer(PresenceEntry presence, PresenceEntry other) => presence.Stamp is not null
        ? SessionSlot.IsGreater(presence, other)
        : presence.Dot.Sequence > other.Dot.Sequence;

    private void Remember(PresenceId id, Departure departure)
    {
        _left[id] = departure;
        _leftInOrder.Enqueue((id, time.GetTimestamp()));
        while (_leftInOrder.Count > MaxRemembered || time.GetElapsedTime(_leftInOrder.Peek().At) > RememberDuration)
        {
            _left.Remove(_leftInOrder.Dequeue().Id);
        }
    }

    /// <summary>Returns whether a presence was pending for the grace period, which the first call starts.</summary>
    private bool HasTimedOut(Dictionary<PresenceId, long> pending, PresenceId id)
    {
        if (pending.TryAdd(id, time.GetTimestamp()))
        {
            return false;
        }

        return time.GetElapsedTime(pending[id]) >= gracePeriod;
    }

    /// <summary>Identifies a presence for its whole lifetime, on every silo.</summary>
    private readonly record struct PresenceId(Dot First, PresenceIdentity Session)
    {
        public static PresenceId Of(PresenceEntry presence) =>
            presence.Stamp is null ? new(presence.First, default) : new(default, presence.Identity);
    }

    /// <summary>How a presence was removed.</summary>
    /// <param name="Source">The silo.</param>
    /// <param name="IsFinal">Whether it has ended.</param>
    /// <param name="Final">Its last known version.</param>
    /// <param name="MayReturn">Whether it may only be out of the view, whatever else is known.</param>
    /// <param name="IsOutOfView">Whether it is known to have been out of the view.</param>
    private readonly record struct Departure(
        string Source, bool IsFinal, PresenceEntry Final, bool MayReturn, bool IsOutOfView);
}
