using Presence.Crdt;
using Presence.TestKit.Cluster;
using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

/// <summary>
/// After a recovery the presences of the silent node are at least as new as its return: no presence joins that had
/// ended before, and no replaced version appears. A response to a request after the return covers also what is not sent
/// yet.
/// </summary>
internal sealed class EndedPresencesDoNotRejoin(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<(int Node, Lane Lane, ReplicaId Replica), TimeSpan> _heardAgain = [];

    public override void Stepped(SimulatedNode node, StepCause cause, ShardEffects effects)
    {
        var healed = false;
        foreach (var e in effects.Events)
        {
            switch (e.Kind)
            {
                case ReplicaEventKind.Recovering:
                    _heardAgain[(node.Id, Lane.Of(node.Stepping), e.Replica)] = Cluster.Now;
                    break;
                case ReplicaEventKind.Recovered:
                    healed = true;
                    break;
            }
        }

        if (!healed)
        {
            return;
        }

        foreach (var change in effects.Changes)
        {
            if (change.Kind == PresenceChangeKind.Joined
                && _heardAgain.TryGetValue((node.Id, Lane.Of(node.Stepping), change.Entry.Owner), out var returnedAt))
            {
                Check(node, change.Entry, returnedAt);
            }
        }
    }

    private void Check(SimulatedNode node, PresenceEntry entry, TimeSpan returnedAt)
    {
        var owner = Cluster.Nodes.FirstOrDefault(one => one.Self == entry.Owner);
        if (owner is null || Cluster.IsShared(entry.Owner))
        {
            return;
        }

        var slot = PresenceSlot.Of(entry);
        foreach (var change in owner.Local.Log)
        {
            if (change.At >= returnedAt)
            {
                return;
            }

            if (change.Slot == slot
                && (change.Sequence > entry.Sequence || (change.Ended && change.Sequence == entry.Sequence)))
            {
                Violated(node, $"joined on recovery of {owner.Self}: {entry}, which ended at {change.At}");
            }
        }
    }
}
