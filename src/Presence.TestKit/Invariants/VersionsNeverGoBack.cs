using Presence.Crdt;
using Presence.TestKit.Cluster;
using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

/// <summary>
/// On each node, no version of a presence is followed by an older one, and an untracked version never returns. A node
/// that has removed the owner may start over.
/// </summary>
internal sealed class VersionsNeverGoBack(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<(int Node, PresenceId Id), (ulong Sequence, bool Ended)> _newest = [];

    public override void Stepped(SimulatedNode node, StepCause cause, ShardEffects effects)
    {
        foreach (var e in effects.Events)
        {
            if (e.Kind is ReplicaEventKind.PermDown)
            {
                Forget(node, e.Replica);
            }
        }

        foreach (var change in effects.Changes)
        {
            if (Cluster.IsShared(change.Entry.Owner))
            {
                continue;
            }

            var at = (node.Id, PresenceId.Of(change.Entry));
            var known = _newest.GetValueOrDefault(at);
            var sequence = change.Entry.Sequence;
            if (change.Kind == PresenceChangeKind.Left)
            {
                var ended = change.Reason is LeaveReason.Untracked or LeaveReason.SessionEnded or LeaveReason.Evicted;
                _newest[at] = (Math.Max(known.Sequence, sequence), ended);
                continue;
            }

            if (sequence < known.Sequence || (known.Ended && sequence == known.Sequence))
            {
                Violated(node, $"{change.Kind} {change.Entry} after {known}");
            }

            _newest[at] = (sequence, false);
        }
    }

    private void Forget(SimulatedNode node, ReplicaId replica)
    {
        foreach (var at in _newest.Keys.Where(at => at.Node == node.Id && at.Id.Owner == replica).ToList())
        {
            _newest.Remove(at);
        }
    }
}
