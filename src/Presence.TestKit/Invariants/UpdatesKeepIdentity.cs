using Presence.TestKit.Cluster;
using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

/// <summary>An update is reported as an update: an untracked presence returns only as a new one.</summary>
internal sealed class UpdatesKeepIdentity(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<(int Node, PresenceId Id), ulong> _ended = [];

    public override void Stepped(SimulatedNode node, StepCause cause, ShardEffects effects)
    {
        foreach (var e in effects.Events)
        {
            // A node that has removed the owner may add it again after a frame that was long in flight.
            if (e.Kind == ReplicaEventKind.PermDown)
            {
                foreach (var at in _ended.Keys.Where(at => at.Node == node.Id && at.Id.Owner == e.Replica).ToList())
                {
                    _ended.Remove(at);
                }
            }
        }

        foreach (var change in effects.Changes)
        {
            var at = (node.Id, PresenceId.Of(change.Entry));
            if (change.Kind == PresenceChangeKind.Joined)
            {
                if (_ended.Remove(at, out var born) && born == change.Entry.CreatedSequence)
                {
                    Violated(node, $"left and joined again instead of an update: {change.Entry}");
                }
            }
            else if (change.Kind == PresenceChangeKind.Left && IsOwnersDoing(change.Reason))
            {
                _ended[at] = change.Entry.CreatedSequence;
            }
        }
    }

    private static bool IsOwnersDoing(LeaveReason reason) =>
        reason is LeaveReason.Untracked or LeaveReason.SessionEnded or LeaveReason.Evicted or LeaveReason.Replaced;
}
