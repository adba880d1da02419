using Presence.TestKit.Cluster;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

/// <summary>
/// After every step a node shows exactly the presences of its open sessions as its own: frames of others do not add,
/// change or end any.
/// </summary>
internal sealed class LocalEntriesEndOnRequestOnly(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Stepped(SimulatedNode node, StepCause cause, ShardEffects effects)
    {
        if (cause == StepCause.Leave || (cause != StepCause.Operation && !Concerned(node, effects)))
        {
            return;
        }

        var held = node.Local.Held;
        if (node.Shown.CountOf(node.Self) != held.Count)
        {
            Violated(
                node,
                $"after {cause} it shows {node.Shown.CountOf(node.Self)} of its own; its sessions have {held.Count}");
        }

        foreach (var (slot, version) in held)
        {
            var shown = node.Shown.Find(new PresenceId(node.Self, slot));
            if (shown is null || shown.Sequence != version.Sequence || shown.Meta != version.Meta)
            {
                Violated(node, $"after {cause}: expected {slot} {version}, shows {shown?.ToString() ?? "nothing"}");
            }
        }
    }

    private static bool Concerned(SimulatedNode node, ShardEffects effects)
    {
        foreach (var change in effects.Changes)
        {
            if (string.Equals(change.Entry.Owner.Node, node.Name, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
