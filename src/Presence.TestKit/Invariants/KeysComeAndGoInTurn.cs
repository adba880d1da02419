using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

/// <summary>
/// At every step, the first and last devices of each key alternate, and a key is listed exactly if a first one was
/// reported after the last one.
/// </summary>
internal sealed class KeysComeAndGoInTurn(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<SimulatedNode, HashSet<(string Topic, string Key)>> _present = [];

    public override void Stepped(SimulatedNode node, StepCause cause, ShardEffects effects)
    {
        if (effects.Changes.Count == 0)
        {
            return;
        }

        if (!_present.TryGetValue(node, out var present))
        {
            _present.Add(node, present = []);
        }

        foreach (var change in effects.Changes)
        {
            var key = (change.Entry.Topic, change.Entry.Key);
            if ((change.IsFirst && !present.Add(key)) || (change.IsLast && !present.Remove(key)))
            {
                Violated(node, $"{change} is {(change.IsFirst ? "first" : "last")} of its key again");
            }

            if (change is { Kind: PresenceChangeKind.Updated, ChangesKey: true })
            {
                Violated(node, $"{change} is first or last of its key");
            }
        }

        foreach (var key in effects.Changes.Select(change => (change.Entry.Topic, change.Entry.Key)).Distinct())
        {
            var listed = node.List(key.Topic).GetByKey(key.Key).Count;
            if (listed > 0 != present.Contains(key))
            {
                Violated(node, $"after {cause} {key} has {listed} devices; its first and last ones say otherwise");
            }
        }
    }
}
