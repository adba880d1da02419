using Presence.Crdt;
using Presence.Tracker.Index;
using Presence.Tracker.Sessions;

namespace Presence.Tracker.Shard;

/// <summary>
/// Merges what peers send, and shows the result: the newest version of each (owner, process, topic, key), never an
/// older one again.
/// </summary>
/// <param name="presences">Where the presences of each topic are visible.</param>
internal sealed class VisibilityProjection(PresencesByTopic presences)
{
    private readonly MergeResult<PresenceEntry> _merged = new();
    private readonly List<PresenceEntry> _replaced = [];

    /// <summary>Gets or sets a defect for the simulation.</summary>
    public ShardDefect Planted { get; set; }

    /// <summary>Merges a delta of a peer and updates the visible presences.</summary>
    public void Merge(Peer peer, ReplicaState<PresenceEntry> delta, ShardEffects effects)
    {
        _merged.Clear();
        peer.Dots.Merge(delta, _merged);
        OnMerged(peer, effects);
        if (_merged.Finals.Count > 0)
        {
            RecordFinals(_merged, delta.Log.Removals, effects.Changes);
        }
    }

    /// <summary>Applies removals of known entries only: earlier ordered parts are missing.</summary>
    public void MergeWithoutContext(Peer peer, ReplicaState<PresenceEntry> part, ShardEffects effects)
    {
        _merged.Clear();
        peer.Dots.MarkKnownRemoved(part.Removed(), _merged);
        OnMerged(peer, effects);
    }

    private void OnMerged(Peer peer, ShardEffects effects)
    {
        foreach (var entry in _merged.Joined)
        {
            if (entry.Stamp is { } stamp)
            {
                effects.Sessions.Add(new(stamp, peer.Replica, peer.State == PeerState.Down));
            }
        }

        if (peer.IsShown)
        {
            Apply(peer, _merged, effects.Changes);
        }
        else
        {
            Record(peer, _merged, effects.Changes);
        }

        if (!RepairScheduler.Lacks(peer))
        {
            peer.BehindSince = null;
            peer.OrderedParts.Clear();
        }
    }

    /// <summary>Applies the result of a merge for a visible peer.</summary>
    private void Apply(Peer peer, MergeResult<PresenceEntry> merged, List<PresenceChange> changes)
    {
        _replaced.Clear();
        foreach (var entry in merged.Joined)
        {
            Publish(peer, entry, changes);
        }

        var mayHaveOlder = !peer.Dots.Context.IsContiguous;
        var mayHaveNewer = RepairScheduler.Lacks(peer);
        var replaced = 0;
        foreach (var (entry, note) in merged.Left)
        {
            if (replaced < _replaced.Count && _replaced[replaced] == entry)
            {
                // Versions mostly end in the order in which they were replaced, which saves a lookup.
                replaced++;
            }
            else if (FindExisting(entry) is { } shown && shown.Sequence == entry.Sequence)
            {
                var isUnknown = note == ReplicaState<PresenceEntry>.NoteUnknown;
                var reason = isUnknown ? LeaveReason.Untracked : (LeaveReason)note;
                var final = FinalOf(shown, merged);
                if (mayHaveNewer && final == shown && (isUnknown || reason == LeaveReason.Replaced))
                {
                    peer.Ending.Add((shown, reason));
                }
                else
                {
                    Retract(shown, final, reason, changes, !isUnknown);
                    RetractNewest(peer, shown, changes);
                }
            }

            if (mayHaveOlder)
            {
                RaiseMinVisible(peer, entry);
            }
        }

        _replaced.Clear();
        if (!mayHaveOlder)
        {
            // No dot is missing: no older version can arrive.
            peer.MinVisibleSequence.Clear();
        }

        if (!mayHaveNewer)
        {
            RetractEnding(peer, null, changes);
        }
    }

    /// <summary>Publishes all live entries of a peer that was hidden.</summary>
    public void PublishAll(Peer peer, List<PresenceChange> changes)
    {
        foreach (var sequence in peer.Dots.LiveSequences().Reverse())
        {
            // Newest first, so that an older version of a shown entry stays hidden.
            var entry = peer.Dots.Live[sequence];
            if (Find(entry) is null && !IsBelowMinVisible(peer, entry))
            {
                Join(entry, changes);
            }
        }
    }

    /// <summary>Retracts all visible entries of a peer.</summary>
    public void RetractAll(Peer peer, LeaveReason reason, List<PresenceChange> changes)
    {
        foreach (var (sequence, entry) in peer.Dots.Live)
        {
            if (Find(entry) is { } shown && shown.Sequence == sequence)
            {
                Retract(shown, shown, reason, changes);
            }
        }

        RetractEnding(peer, reason, changes);
    }

    /// <summary>Records that a peer is down or has ended, before its entries are retracted.</summary>
    public void OnLost(Peer peer)
    {
        if (peer.State != PeerState.Down && RepairScheduler.Lacks(peer))
        {
            presences.OnLostIncomplete();
        }
    }

    /// <summary>Retracts the entries that have ended and whose next version has not arrived.</summary>
    private void RetractEnding(Peer peer, LeaveReason? reason, List<PresenceChange> changes)
    {
        foreach (var (entry, own) in peer.Ending)
        {
            if (Find(entry) is { } shown && shown.Sequence == entry.Sequence)
            {
                Retract(shown, shown, reason ?? own, changes);
            }
        }

        peer.Ending.Clear();
    }

    /// <summary>Records the ended versions of a hidden peer, and the generations of its sessions.</summary>
    private void Record(Peer peer, MergeResult<PresenceEntry> merged, List<PresenceChange> changes)
    {
        foreach (var entry in merged.Joined)
        {
            if (entry.Stamp is not null)
            {
                SessionsOf(entry).Record(entry, null, changes);
            }
        }

        foreach (var (entry, note) in merged.Left)
        {
            if (entry.Stamp is not null && note != ReplicaState<PresenceEntry>.NoteUnknown)
            {
                SessionsOf(entry).Record(entry, (LeaveReason)note, changes);
            }
        }

        if (peer.Dots.Context.IsContiguous)
        {
            peer.MinVisibleSequence.Clear();
            return;
        }

        foreach (var (entry, _) in merged.Left)
        {
            RaiseMinVisible(peer, entry);
        }
    }

    /// <summary>Records the entries of resumable sessions that came and went within one frame.</summary>
    private void RecordFinals(
        MergeResult<PresenceEntry> merged, ReadOnlySpan<Removal> removals, List<PresenceChange> changes)
    {
        foreach (var final in merged.Finals)
        {
            if (final.Stamp is null)
            {
                continue;
            }

            LeaveReason? reason = null;
            foreach (var removal in removals)
            {
                reason = removal.Removed.Span.Contains(final.Sequence) ? (LeaveReason)removal.Note : reason;
            }

            SessionsOf(final).Record(final, reason, changes);
        }
    }

    private void Publish(Peer peer, PresenceEntry entry, List<PresenceChange> changes)
    {
        // The common case: the first version of an entry, and the first entry under its key.
        if (entry.Previous == 0 && peer.MinVisibleSequence.Count == 0 && entry.Stamp is null
            && IndexOf(entry).TryAddFirst(entry))
        {
            changes.Add(PresenceChange.Joined(entry, isFirst: true));
        }
        else if (FindExisting(entry) is not { } shown)
        {
            if (!IsBelowMinVisible(peer, entry))
            {
                Join(entry, changes);
            }
        }
        else if (shown.Sequence < entry.Sequence)
        {
            _replaced.Add(shown);
            if (entry.Stamp is not null)
            {
                SessionsOf(entry).Set(entry, changes);
                return;
            }

            IndexOf(entry).Set(entry, isNew: false);
            if (shown.CreatedSequence == entry.CreatedSequence)
            {
                changes.Add(PresenceChange.Updated(shown, entry));
            }
            else
            {
                // Untracked and tracked again, in one frame or with the frame in between late. The key stays.
                changes.Add(PresenceChange.Left(shown, shown, LeaveReason.Replaced));
                changes.Add(PresenceChange.Joined(entry));
            }
        }
    }

    private PresenceEntry? Find(PresenceEntry identity) =>
        identity.Stamp is null ? IndexOf(identity).Find(identity) : SessionsOf(identity).Find(identity);

    private PresenceEntry? FindExisting(PresenceEntry identity) =>
        identity.Stamp is null ? IndexOf(identity).FindExisting(identity) : SessionsOf(identity).Find(identity);

    private PresenceIndex IndexOf(PresenceEntry entry) => presences.Of(entry.Topic).Index;

    private SessionView SessionsOf(PresenceEntry entry) => presences.Of(entry.Topic).Sessions;

    private void Join(PresenceEntry entry, List<PresenceChange> changes)
    {
        if (entry.Stamp is not null)
        {
            SessionsOf(entry).Set(entry, changes);
            return;
        }

        changes.Add(PresenceChange.Joined(entry, IndexOf(entry).Set(entry, isNew: true)));
    }

    private void Retract(
        PresenceEntry shown, PresenceEntry final, LeaveReason reason, List<PresenceChange> changes,
        bool isCertain = true)
    {
        if (shown.Stamp is not null)
        {
            SessionsOf(shown).Remove(shown, final, reason, isCertain, changes);
            return;
        }

        changes.Add(PresenceChange.Left(shown, final, reason, IndexOf(shown).Remove(shown)));
    }

    private void RetractNewest(Peer peer, PresenceEntry ended, List<PresenceChange> changes)
    {
        if (Planted == ShardDefect.FallsBackToAnOlderVersion
            && peer.Dots.Live.Values
                .Where(e => (e.Topic, e.Key, e.Process) == (ended.Topic, ended.Key, ended.Process))
                .MaxBy(e => e.Sequence) is { } older)
        {
            changes.Add(PresenceChange.Joined(older, IndexOf(older).Set(older, isNew: true)));
        }
    }

    private static PresenceEntry FinalOf(PresenceEntry shown, MergeResult<PresenceEntry> merged)
    {
        foreach (var final in merged.Finals)
        {
            if (final.CreatedSequence == shown.CreatedSequence && final.Owner == shown.Owner
                && final.Sequence > shown.Sequence)
            {
                return final;
            }
        }

        return shown;
    }

    private static bool IsBelowMinVisible(Peer peer, PresenceEntry entry) =>
        peer.MinVisibleSequence.Count > 0
        && peer.MinVisibleSequence.TryGetValue((entry.Topic, entry.Key, entry.Process), out var min)
        && entry.Sequence < min;

    private static void RaiseMinVisible(Peer peer, PresenceEntry left)
    {
        var identity = (left.Topic, left.Key, left.Process);
        if (!peer.MinVisibleSequence.TryGetValue(identity, out var min) || min < left.Sequence)
        {
            peer.MinVisibleSequence[identity] = left.Sequence;
        }
    }
}
