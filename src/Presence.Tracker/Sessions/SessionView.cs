using Presence.Tracker.Index;
using Presence.Tracker.Shard;

namespace Presence.Tracker.Sessions;

/// <summary>
/// Shows one entry per presence of each resumable session: of the live entries with the same (session, topic, key) the
/// one with the greatest (generation, replica, sequence). When it disappears because its owner did, the leave is held
/// for the grace, and a successor is reported as an update, or not at all if nothing about it has changed.
/// </summary>
/// <param name="index">Where the shown entries are.</param>
/// <param name="minHold">Minimum time for which a leave is held: two repair periods.</param>
internal sealed class SessionView(PresenceIndex index, TimeSpan minHold)
{
    /// <summary>Maximum number of slots that are kept only for their generation.</summary>
    private const int MaxRemembered = 65_536;

    /// <summary>Maximum number of hidden entries that are reported per tick.</summary>
    private const int MaxReports = 256;

    /// <summary>Maximum time after which a half-open connection is detected.</summary>
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(90);

    private readonly Dictionary<(SessionId, string, string), SessionSlot> _slots = [];
    private readonly Dictionary<SessionId, List<SessionSlot>> _bySession = [];
    private readonly PriorityQueue<SessionSlot, TimeSpan> _held = new();
    private readonly Queue<SessionSlot> _empty = new();
    private readonly List<SessionSlot> _hidden = [];
    private TimeSpan? _lostIncompleteAt;

    /// <summary>Gets or sets the time of the current input.</summary>
    public TimeSpan Now { get; set; }

    /// <summary>Gets or sets a defect for the simulation.</summary>
    public ShardDefect Planted { get; set; }

    /// <summary>Gets the number of shown entries that have ended and wait for a successor.</summary>
    public int HeldCount { get; private set; }

    /// <summary>Gets the number of slots, those included that are kept for their generation.</summary>
    public int Count => _slots.Count;

    /// <summary>Returns the live entry of the same replica and session, shown or not.</summary>
    public PresenceEntry? Find(PresenceEntry identity) =>
        _slots.TryGetValue((identity.Stamp!.Session, identity.Topic, identity.Key), out var slot)
            ? slot.Candidates.Find(c => c.Process == identity.Process && c.Owner == identity.Owner)
            : null;

    /// <summary>Adds a live entry, or replaces the older version of the same replica and session.</summary>
    public void Set(PresenceEntry entry, List<PresenceChange> changes)
    {
        var slot = SlotOf(entry);
        var at = slot.IndexOf(entry);
        if (at < 0)
        {
            slot.Candidates.Add(entry);
        }
        else
        {
            slot.Candidates[at] = entry;
        }

        Learn(slot, entry.Stamp!);
        Evaluate(slot, LeaveReason.Superseded, isHeld: true, null, changes);
    }

    /// <summary>Removes the live entry of a replica and session.</summary>
    /// <param name="entry">The entry as found by <see cref="Find(PresenceEntry)"/>.</param>
    /// <param name="final">Its last version.</param>
    /// <param name="reason">Why it ended.</param>
    /// <param name="isCertain">Whether the reason is known; else a successor may follow.</param>
    /// <param name="changes">Receives the changes for observers.</param>
    public void Remove(
        PresenceEntry entry, PresenceEntry final, LeaveReason reason, bool isCertain, List<PresenceChange> changes)
    {
        var slot = SlotOf(entry);
        var at = slot.IndexOf(entry);
        if (at >= 0)
        {
            slot.Candidates.RemoveAt(at);
        }

        Learn(slot, final.Stamp!);
        Evaluate(slot, reason, !isCertain || IsHeld(reason), final, changes);
        ForgetLater(slot);
    }

    /// <summary>Records an entry that ended before this node had it, or whose replica is hidden.</summary>
    public void Record(PresenceEntry entry, LeaveReason? reason, List<PresenceChange> changes)
    {
        var slot = SlotOf(entry);
        Learn(slot, entry.Stamp!);
        if (slot is { HeldUntil: not null, Shown: { } shown } && reason is { } why && !IsHeld(why)
            && entry.Stamp!.Generation >= shown.Stamp!.Generation)
        {
            // The successor that the leave was held for has come and gone.
            Release(slot, why, entry, changes);
        }
        else
        {
            Evaluate(slot, LeaveReason.Superseded, isHeld: true, null, changes);
        }

        ForgetLater(slot);
    }

    /// <summary>
    /// Records that a replica is down or has ended some of whose changes are missing here. It may have continued any
    /// session, which then has the grace since now.
    /// </summary>
    public void OnLostIncomplete() => _lostIncompleteAt = Now;

    /// <summary>Reports the leaves that were held for long enough, and forgets old generations.</summary>
    /// <param name="pause">For how long this process was suspended: held leaves are due later by that.</param>
    /// <param name="effects">Receives the leaves, and the sessions that stay hidden.</param>
    /// <param name="behindSince">Since when changes of a replica are missing here that is not down.</param>
    public void Tick(TimeSpan pause, ShardEffects effects, TimeSpan? behindSince = null)
    {
        var uncertainSince = behindSince is null || _lostIncompleteAt > behindSince ? _lostIncompleteAt : behindSince;
        var changes = effects.Changes;
        if (pause > TimeSpan.Zero)
        {
            // Not those since the suspension. One that was held before is in the queue more than once.
            foreach (var slot in _held.UnorderedItems.Select(item => item.Element).Distinct()
                .Where(slot => slot.HeldSince <= Now - pause))
            {
                slot.HeldUntil += pause;
            }
        }

        while (_held.TryPeek(out var slot, out var due) && due <= Now)
        {
            _held.Dequeue();
            if (slot.HeldUntil is { } until && until > Now)
            {
                _held.Enqueue(slot, until);
            }
            else if (slot.HeldUntil is not null && uncertainSince + HoldOf(slot) is { } longer && longer > Now)
            {
                // What is missing here may be its successor, or that of its successor.
                slot.HeldUntil = longer;
                _held.Enqueue(slot, longer);
            }
            else if (slot.HeldUntil is not null)
            {
                Release(slot, slot.HeldReason, slot.HeldFinal!, changes);
                ForgetLater(slot);
            }
        }

        ReportHidden(effects.Hidden);
        while (_empty.TryPeek(out var oldest) && (oldest.ForgetAt <= Now || _empty.Count > MaxRemembered))
        {
            _empty.Dequeue();
            if (oldest.IsEmpty && (oldest.ForgetAt <= Now || _empty.Count >= MaxRemembered))
            {
                Forget(oldest);
            }
        }
    }

    /// <summary>Reports entries that have been hidden for longer than their owner needs to learn why.</summary>
    private void ReportHidden(List<HiddenSession> hidden)
    {
        for (var i = _hidden.Count - 1; i >= 0 && hidden.Count < MaxReports; i--)
        {
            var slot = _hidden[i];
            if (slot.Shown is not null || slot.Candidates.Count == 0)
            {
                slot.HiddenSince = null;
                _hidden.RemoveAt(i);
            }
            else if (slot.HiddenSince + minHold <= Now)
            {
                slot.HiddenSince = Now;
                hidden.AddRange(slot.Candidates.Select(
                    c => new HiddenSession(slot.Session, c.Owner, slot.Greatest, slot.HasEnded)));
            }
        }
    }

    /// <summary>Returns what is known of a session.</summary>
    public SessionKnowledge KnowledgeOf(SessionId session)
    {
        var entries = new List<PresenceEntry>();
        Generation? known = null;
        PresenceEntry? greatest = null;
        foreach (var slot in _bySession.GetValueOrDefault(session, []))
        {
            known = known is { } before && before > slot.Greatest ? before : slot.Greatest;
            if (slot.Shown is { } shown)
            {
                entries.Add(shown);
            }

            foreach (var candidate in slot.Candidates)
            {
                greatest = greatest is null || SessionSlot.IsGreater(candidate, greatest) ? candidate : greatest;
            }
        }

        return new(entries, known, greatest);
    }

    /// <summary>Returns whether a leave for this reason may be followed by a successor.</summary>
    private static bool IsHeld(LeaveReason reason) => reason is LeaveReason.Superseded or LeaveReason.NodeStopped
        or LeaveReason.NodeDown or LeaveReason.Replaced;

    private SessionSlot SlotOf(PresenceEntry entry)
    {
        var stamp = entry.Stamp!;
        var name = (stamp.Session, entry.Topic, entry.Key);
        if (!_slots.TryGetValue(name, out var slot))
        {
            slot = new SessionSlot(stamp.Session, entry.Topic, entry.Key) { Greatest = stamp.Generation };
            _slots.Add(name, slot);
            if (!_bySession.TryGetValue(stamp.Session, out var slots))
            {
                _bySession.Add(stamp.Session, slots = new(1));
            }

            slots.Add(slot);
        }

        return slot;
    }

    private void Learn(SessionSlot slot, SessionStamp stamp)
    {
        slot.Grace = stamp.Grace;
        if (Planted != ShardDefect.ForgetsGenerations && stamp.Generation > slot.Greatest)
        {
            slot.Greatest = stamp.Generation;
        }

        if (Planted == ShardDefect.ForgetsGenerations)
        {
            slot.Greatest = default;
        }
        else if (Planted == ShardDefect.GenerationPerSession)
        {
            _bySession[slot.Session].ForEach(
                s => s.Greatest = s.Greatest > stamp.Generation ? s.Greatest : stamp.Generation);
        }
    }

    /// <summary>Shows the best candidate, or holds or ends the shown entry.</summary>
    private void Evaluate(
        SessionSlot slot, LeaveReason reason, bool isHeld, PresenceEntry? final, List<PresenceChange> changes)
    {
        if (slot.Best(Planted == ShardDefect.ViewsBySequence) is { } best)
        {
            Unhold(slot);
            Show(slot, best, changes);
            return;
        }

        if (slot.Shown is { } shown)
        {
            // Also hidden by a later generation whose entry is not shown yet.
            isHeld &= Planted != ShardDefect.TellsLeavesAtOnce;
            if (isHeld && slot.HeldUntil is null)
            {
                var hold = HoldOf(slot);
                slot.HeldSince = Now;
                slot.HeldUntil = Now + hold;
                slot.HeldReason = reason;
                slot.HeldFinal = final ?? shown;
                HeldCount++;
                _held.Enqueue(slot, Now + hold);
            }
            else if (!isHeld && (slot.HeldUntil is null || final?.Stamp!.Generation >= shown.Stamp!.Generation))
            {
                Release(slot, reason, final ?? shown, changes);
            }
        }
        else
        {
            MarkHidden(slot);
        }
    }

    private TimeSpan HoldOf(SessionSlot slot) => slot.Grace > minHold ? slot.Grace : minHold;

    private void MarkHidden(SessionSlot slot)
    {
        if (slot.Candidates.Count > 0 && slot.HiddenSince is null)
        {
            slot.HiddenSince = Now;
            _hidden.Add(slot);
        }
    }

    private void Show(SessionSlot slot, PresenceEntry best, List<PresenceChange> changes)
    {
        var shown = slot.Shown;
        slot.Shown = best;
        if (shown is null)
        {
            changes.Add(PresenceChange.Joined(best, index.Set(best, isNew: true)));
            return;
        }

        if (shown == best)
        {
            return;
        }

        if (shown.Process == best.Process && shown.Owner == best.Owner)
        {
            index.Set(best, isNew: false);
        }
        else
        {
            index.Remove(shown);
            index.Set(best, isNew: true);
        }

        if (shown.RefDot != best.RefDot || shown.Meta != best.Meta || Planted == ShardDefect.TellsEqualRefs)
        {
            changes.Add(PresenceChange.Updated(shown, best));
        }
    }

    private void Release(SessionSlot slot, LeaveReason reason, PresenceEntry final, List<PresenceChange> changes)
    {
        Unhold(slot);
        slot.HasEnded = !IsHeld(reason);
        changes.Add(PresenceChange.Left(slot.Shown!, final, reason, index.Remove(slot.Shown!)));
        slot.Shown = null;
        MarkHidden(slot);
    }

    private void Unhold(SessionSlot slot)
    {
        HeldCount -= slot.HeldUntil is null ? 0 : 1;
        slot.HeldUntil = null;
        slot.HeldFinal = null;
    }

    private void ForgetLater(SessionSlot slot)
    {
        if (slot.IsEmpty)
        {
            slot.ForgetAt = Now + (slot.Grace * 2) + IdleTimeout;
            _empty.Enqueue(slot);
        }
    }

    private void Forget(SessionSlot slot)
    {
        var name = (slot.Session, slot.Topic, slot.Key);
        if (_slots.GetValueOrDefault(name) == slot)
        {
            _slots.Remove(name);
        }

        if (_bySession.TryGetValue(slot.Session, out var slots) && slots.Remove(slot) && slots.Count == 0)
        {
            _bySession.Remove(slot.Session);
        }
    }
}
