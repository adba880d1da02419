using Presence.Grains.Cluster;
using Presence.Tracker;

namespace Presence.Grains.Topics;

/// <summary>Tells how much this silo knows of each node, for readers that compare the lists of two silos.</summary>
internal sealed class ReplicaClocks(PresenceSilos silos)
{
    /// <summary>Returns how much was known of those who may be present.</summary>
    public KnownReplica[] Known(VersionVector vector)
    {
        var known = new List<KnownReplica>(vector.Others.Count + 1)
        {
            new(vector.Local.Node, vector.Local.Incarnation, ulong.MaxValue),
        };
        foreach (var other in vector.Others)
        {
            if (other.IsUp)
            {
                known.Add(new(other.Replica.Node, other.Replica.Incarnation, other.Clock));
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
