using Presence.Crdt;

namespace Presence.TestKit;

/// <summary>
/// A member that changes its incarnation takes a higher one, and none that another start had whom anybody may still hold: one
/// that lives, or ended less than the permanent down period ago, or is among the peers of somebody.
/// </summary>
internal sealed class IncarnationsAreNotReused(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<ReplicaId, SimulatedMember> _users = [];
    private readonly Dictionary<int, ReplicaId> _last = [];

    public override void Started(SimulatedMember member)
    {
        // The incarnation of a start comes from the wall clock; that one may have stepped back and give an old number.
        if (_last.TryGetValue(member.Id, out var last))
        {
            if (member.Self.Incarnation <= last.Incarnation)
            {
                Violated(member, $"goes on as {member.Self} after {last}");
            }

            if (_users.TryGetValue(member.Self, out var user) && IsRemembered(user, member.Self))
            {
                Violated(member, $"goes on as {member.Self}, which was in use before");
            }
        }

        _last[member.Id] = member.Self;
        _users[member.Self] = member;
    }

    private bool IsRemembered(SimulatedMember user, ReplicaId replica) =>
        user.EndedAt is not { } ended
        || Cluster.Now - ended < Cluster.Options.Tracker.PermDownPeriod
        || Cluster.Members.Any(one => one.Peers.Any(peer => peer.Replica == replica));
}
