using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>
/// Nobody is reported down of whom a frame or an answer to a probe came within the time that four probes take, and nobody
/// living to whom the link was open both ways for longer than the down period.
/// </summary>
internal sealed class LivingAreNotReportedDown(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Stepped(SimulatedMember member, StepCause cause, ShardEffects effects)
    {
        foreach (var e in effects.Events)
        {
            // Of a shared incarnation the one that is gone is meant, and the other one was heard.
            if (e.Kind is ReplicaEventKind.Down or ReplicaEventKind.PermDown && !Cluster.IsShared(e.Replica))
            {
                Check(member, e);
            }
        }
    }

    private void Check(SimulatedMember member, ReplicaEvent e)
    {
        if (member.Heard.Last(e.Replica) is { } last && member.LocalNow - last < Cluster.Bounds.Silence)
        {
            Violated(member, $"{e.Kind} {e.Replica}, heard {(member.LocalNow - last).TotalMilliseconds} ms ago");
        }

        var owner = Cluster.Members.FirstOrDefault(one => one.Self == e.Replica);
        if (owner is not null
            && Cluster.Connectivity.Between(member, owner) is { } pair
            && Cluster.Now - pair.Since > Cluster.Bounds.Forgetting)
        {
            Violated(member, $"{e.Kind} {e.Replica}, to which the link is open since {pair.Since}");
        }
    }
}
