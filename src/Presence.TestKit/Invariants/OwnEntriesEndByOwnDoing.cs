using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>
/// What a member shows of its own is what its living processes hold, after every step: nothing that others say adds to it,
/// changes it or ends it.
/// </summary>
internal sealed class OwnEntriesEndByOwnDoing(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Stepped(SimulatedMember member, StepCause cause, ShardEffects effects)
    {
        if (cause == StepCause.Leave || (cause != StepCause.Operation && !Concerned(member, effects)))
        {
            return;
        }

        var held = member.Owned.Held;
        if (member.Shown.CountOf(member.Self) != held.Count)
        {
            Violated(
                member,
                $"after {cause} it shows {member.Shown.CountOf(member.Self)} of its own; its processes hold {held.Count}");
        }

        foreach (var (slot, version) in held)
        {
            var shown = member.Shown.Find(new PresenceId(member.Self, slot));
            if (shown is null || shown.Sequence != version.Sequence || shown.Meta != version.Meta)
            {
                Violated(member, $"after {cause} it holds {slot} {version}, and shows {shown?.ToString() ?? "nothing"}");
            }
        }
    }

    private static bool Concerned(SimulatedMember member, ShardEffects effects)
    {
        foreach (var change in effects.Changes)
        {
            if (string.Equals(change.Entry.Owner.Node, member.Name, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
