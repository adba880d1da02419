using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>
/// When a silent member is heard again, its presences are shown as they were when it sent what was heard, or later: nobody
/// is seen joining who had left meanwhile, and no version that had been replaced.
/// </summary>
internal sealed class NobodyJoinsWhoHadLeft(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<(int Member, ReplicaId Replica), TimeSpan> _heardAgain = [];

    public override void Stepped(SimulatedMember member, StepCause cause, ShardEffects effects)
    {
        var healed = false;
        foreach (var e in effects.Events)
        {
            switch (e.Kind)
            {
                case ReplicaEventKind.Healing:
                    _heardAgain[(member.Id, e.Replica)] = member.FrameSentAt;
                    break;
                case ReplicaEventKind.Healed:
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
                && _heardAgain.TryGetValue((member.Id, change.Entry.Owner), out var sentAt))
            {
                Check(member, change.Entry, sentAt);
            }
        }
    }

    private void Check(SimulatedMember member, PresenceEntry entry, TimeSpan sentAt)
    {
        var owner = Cluster.Members.FirstOrDefault(one => one.Self == entry.Owner);
        if (owner is null || Cluster.IsShared(entry.Owner))
        {
            return;
        }

        var slot = PresenceSlot.Of(entry);
        foreach (var change in owner.Owned.Log)
        {
            // What was still being gathered then is not yet told of by its counter.
            if (change.At >= sentAt - (Cluster.Options.Tracker.DeltaDelay * 1.1))
            {
                return;
            }

            if (change.Slot == slot
                && (change.Sequence > entry.Sequence || (change.Ended && change.Sequence == entry.Sequence)))
            {
                Violated(member, $"joined on heal: {entry}, which was over at {change.At}, before {owner.Self} was heard again");
            }
        }
    }
}
