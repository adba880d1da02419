using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>
/// What a member has shown of a presence is never followed there by an older version, and what left by its owner's doing
/// never comes back in the version that left. A member that has forgotten the owner may begin anew.
/// </summary>
internal sealed class VersionsNeverGoBack(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<(int Member, PresenceId Id), (ulong Sequence, bool Ended)> _newest = [];

    public override void Stepped(SimulatedMember member, StepCause cause, ShardEffects effects)
    {
        foreach (var e in effects.Events)
        {
            if (e.Kind is ReplicaEventKind.PermDown)
            {
                Forget(member, e.Replica);
            }
        }

        foreach (var change in effects.Changes)
        {
            if (Cluster.IsShared(change.Entry.Owner))
            {
                continue;
            }

            var at = (member.Id, PresenceId.Of(change.Entry));
            var known = _newest.GetValueOrDefault(at);
            var sequence = change.Entry.Sequence;
            if (change.Kind == PresenceChangeKind.Left)
            {
                var ended = change.Reason is LeaveReason.Untracked or LeaveReason.ProcessEnded or LeaveReason.Evicted;
                _newest[at] = (Math.Max(known.Sequence, sequence), ended);
                continue;
            }

            if (sequence < known.Sequence || (known.Ended && sequence == known.Sequence))
            {
                Violated(member, $"{change.Kind} {change.Entry}; version {known.Sequence} was there before{(known.Ended ? " and ended" : "")}");
            }

            _newest[at] = (sequence, false);
        }
    }

    private void Forget(SimulatedMember member, ReplicaId replica)
    {
        foreach (var at in _newest.Keys.Where(at => at.Member == member.Id && at.Id.Owner == replica).ToList())
        {
            _newest.Remove(at);
        }
    }
}
