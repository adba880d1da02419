using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

/// <summary>
/// No replica is reported down within the time of four probes after a contact, and no living one whose link was open
/// both ways for longer than the down period.
/// </summary>
internal sealed class LiveNodesAreNotReportedDown(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Stepped(SimulatedNode node, StepCause cause, ShardEffects effects)
    {
        foreach (var e in effects.Events)
        {
            // Of two nodes with one incarnation, the ended one is reported and the other one was in contact.
            if (e.Kind is ReplicaEventKind.Down or ReplicaEventKind.PermDown && !Cluster.IsShared(e.Replica))
            {
                Check(node, e);
            }
        }
    }

    private void Check(SimulatedNode node, ReplicaEvent e)
    {
        if (node.LastContacts.Last(node.Stepping, e.Replica) is { } last
            && node.LocalNow - last < Cluster.Bounds.MinSilence)
        {
            Violated(node, $"{e.Kind} {e.Replica}, last contact {(node.LocalNow - last).TotalMilliseconds} ms ago");
        }

        var owner = Cluster.Nodes.FirstOrDefault(one => one.Self == e.Replica);
        if (owner is not null
            && Cluster.Connectivity.Between(node, owner) is { } pair
            && Cluster.Now - pair.Since > Cluster.Bounds.Removal)
        {
            Violated(node, $"{e.Kind} {e.Replica}, whose link is open since {pair.Since}");
        }
    }
}
