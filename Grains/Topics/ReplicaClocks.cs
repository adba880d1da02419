using Presence.Grains.Cluster;
using Presence.Grains.Transport;
using Presence.Tracker.Shard;

namespace Presence.Grains.Topics;

/// <summary>Returns how much this silo knows of each node, for readers that compare the lists of two silos.</summary>
internal sealed class ReplicaClocks(PresenceSilos silos)
{
    /// <summary>Returns the clocks of the replicas that are shown, and the last replicas of ended silos.</summary>
    public KnownReplica[] Known(VersionVector vector)
    {
        var known = new List<KnownReplica>(vector.Others.Count + 1)
        {
            new(vector.Local.Node, vector.Local.Incarnation, ulong.MaxValue),
        };
        foreach (var other in vector.Others)
        {
            if (other.IsShown)
            {
                known.Add(new(other.Replica.Node, other.Replica.Incarnation, other.Clock));
            }
        }

        // Nodes that sent nothing yet, or are hidden: their presences have not left, they are only not listed.
        foreach (var silo in silos.Current.Nodes.Values)
        {
            if (silo.IsActive && known.TrueForAll(k => k.Node != silo.Name))
            {
                known.Add(new(silo.Name, 0, 0));
            }
        }

        // A reader keeps presences of silos that are not listed: this one may not know them yet.
        foreach (var (silo, name) in silos.Ended)
        {
            known.Add(new(name, NodeView.LastIncarnationOf(silo), ulong.MaxValue));
        }

        return [.. known];
    }
}
