using Orleans.Runtime;
using Presence.Node;

namespace Presence.Grains.Topics;

/// <summary>How much this silo knows of each member, for readers that compare two silos' lists.</summary>
internal sealed class Knowledge(IPresenceNode node, IClusterLink link, IClusterMembershipService membership)
{
    /// <summary>What is known now of those who may be present in the topic. Ask before making the list it goes with.</summary>
    public KnownReplica[] Of(string topic)
    {
        var shard = node.Tracker.ShardOf(topic);
        var known = new List<KnownReplica> { new(node.Name, link.Incarnation | 0xFFFF, ulong.MaxValue) };
        foreach (var replica in node.Tracker.Replicas())
        {
            if (replica.Shard == shard && replica.Status == "up" && replica.Node != node.Name)
            {
                known.Add(new(replica.Node, replica.Incarnation, replica.Clock));
            }
        }

        // Members that live and of which nothing was heard yet: what they own is not gone, only unknown.
        foreach (var member in membership.CurrentSnapshot.Members.Values)
        {
            if (member.Status == SiloStatus.Active && known.TrueForAll(k => k.Node != member.Name))
            {
                known.Add(new(member.Name, 0, 0));
            }
        }

        return [.. known];
    }
}
