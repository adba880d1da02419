using Presence.TestKit.Cluster;

namespace Presence.TestKit.Invariants;

/// <summary>
/// At rest: every living node lists exactly the presences of all open sessions, and no two living nodes have the same
/// name.
/// </summary>
internal sealed class AllNodesListTheSame(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Settled()
    {
        var expected = new Dictionary<PresenceId, LocalVersion>();
        foreach (var owner in Cluster.Nodes)
        {
            if (owner.HasDuplicate)
            {
                Violated(owner, "two living nodes have this name");
                return;
            }

            foreach (var (slot, version) in owner.Local.Held)
            {
                expected.Add(new PresenceId(owner.Self, slot), version);
            }
        }

        foreach (var node in Cluster.Nodes)
        {
            Check(node, expected);
        }
    }

    private void Check(SimulatedNode node, Dictionary<PresenceId, LocalVersion> expected)
    {
        var found = 0;
        foreach (var topic in node.Topics())
        {
            foreach (var entry in node.List(topic.Topic))
            {
                if (!expected.TryGetValue(PresenceId.Of(entry), out var version))
                {
                    Violated(node, $"ghost: {entry}");
                }
                else if (version.Sequence != entry.Sequence || version.Meta != entry.Meta)
                {
                    Violated(node, $"stale: {entry}; the owner has {version.Sequence} {version.Meta}");
                }
                else
                {
                    found++;
                }
            }
        }

        if (found != expected.Count)
        {
            var lost = expected.Keys.FirstOrDefault(id => node.Shown.Find(id) is null);
            Violated(node, $"missing: {expected.Count - found} of {expected.Count}, such as {lost}");
        }
    }
}
