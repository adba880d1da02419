using Presence.Grains.Cluster;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Topics;

/// <summary>A topic at one moment: who was present, and how much of each node was known then, at least.</summary>
internal sealed record TopicView(TopicSnapshot Snapshot, KnownReplica[] Known);

/// <summary>Tells how much this silo knows of each node, for readers that compare the lists of two silos.</summary>
internal sealed class ReplicaClocks(IPresenceNode node, IClusterLink link, PresenceSilos silos)
{
    /// <summary>Returns how much is known now of those who may be present in a topic.</summary>
    public KnownReplica[] Known(string topic)
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

        // Nodes that live and of which nothing was received yet: what they own has not left, it is only unknown.
        foreach (var silo in silos.Current.Nodes.Values)
        {
            if (silo.IsActive && known.TrueForAll(k => k.Node != silo.Name))
            {
                known.Add(new(silo.Name, 0, 0));
            }
        }

        return [.. known];
    }
}
