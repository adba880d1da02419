using Presence.Crdt;

namespace Presence.TestKit.Invariants;

/// <summary>
/// A node that changes its incarnation takes a higher one, which no other start has used that lives, ended less than
/// the permanent down period ago, or is a peer of some node.
/// </summary>
internal sealed class IncarnationsAreNotReused(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<ReplicaId, SimulatedNode> _users = [];
    private readonly Dictionary<int, ReplicaId> _last = [];

    public override void Started(SimulatedNode node)
    {
        // The first incarnation comes from the wall clock, which may have gone back.
        if (_last.TryGetValue(node.Id, out var last))
        {
            if (node.Self.Incarnation <= last.Incarnation)
            {
                Violated(node, $"continues as {node.Self} after {last}");
            }

            if (_users.TryGetValue(node.Self, out var user) && IsRemembered(user, node.Self))
            {
                Violated(node, $"continues as {node.Self}, which was in use before");
            }
        }

        _last[node.Id] = node.Self;
        _users[node.Self] = node;
    }

    private bool IsRemembered(SimulatedNode user, ReplicaId replica) =>
        user.EndedAt is not { } ended
        || Cluster.Now - ended < Cluster.Options.Tracker.PermDownPeriod
        || Cluster.Nodes.Any(one => one.Peers.Any(peer => peer.Replica == replica));
}
