using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>A replica that ended for ever at a member (farewell, declared dead, replaced) is never shown there again.</summary>
internal sealed class TheEndedStayEnded(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly HashSet<(int Member, ReplicaId Replica)> _ended = [];

    public override void Stepped(SimulatedMember member, StepCause cause, ShardEffects effects)
    {
        foreach (var e in effects.Events)
        {
            switch (e.Kind)
            {
                case ReplicaEventKind.Replaced or ReplicaEventKind.Stopped or ReplicaEventKind.Dead:
                    _ended.Add((member.Id, e.Replica));
                    if (member.Shown.CountOf(e.Replica) > 0)
                    {
                        Violated(member, $"{e.Kind} {e.Replica}, and {member.Shown.CountOf(e.Replica)} of it are still shown");
                    }

                    break;
                case ReplicaEventKind.Up or ReplicaEventKind.Healing or ReplicaEventKind.Healed
                    when _ended.Contains((member.Id, e.Replica)):
                    Violated(member, $"{e.Kind} {e.Replica}, which had ended for ever");
                    break;
            }
        }

        foreach (var change in effects.Changes)
        {
            if (change.Kind != PresenceChangeKind.Left && _ended.Contains((member.Id, change.Entry.Owner)))
            {
                Violated(member, $"{change.Kind} {change.Entry}, whose owner had ended for ever");
            }
        }
    }
}
