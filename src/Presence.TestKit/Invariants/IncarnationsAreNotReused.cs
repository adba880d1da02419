using Presence.Crdt;

namespace Presence.TestKit;

/// <summary>A member that changes its incarnation takes one that nobody had; it never goes down.</summary>
internal sealed class IncarnationsAreNotReused(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly HashSet<ReplicaId> _used = [];
    private readonly Dictionary<int, ReplicaId> _last = [];

    public override void Started(SimulatedMember member)
    {
        var first = !_last.TryGetValue(member.Id, out var last);
        _last[member.Id] = member.Self;

        // The incarnation of a start comes from the wall clock; that one may have stepped back and give an old number.
        if (!_used.Add(member.Self) && !first)
        {
            Violated(member, $"goes on as {member.Self}, which was in use before");
        }

        if (!first && member.Self.Incarnation <= last.Incarnation)
        {
            Violated(member, $"goes on as {member.Self} after {last}");
        }
    }
}
