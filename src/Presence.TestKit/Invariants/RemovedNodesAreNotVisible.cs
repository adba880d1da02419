namespace Presence.TestKit.Invariants;

/// <summary>During faults: no presence is visible whose node ended longer ago than the down period.</summary>
internal sealed class RemovedNodesAreNotVisible(SimulatedCluster cluster) : Invariant(cluster)
{
    /// <summary>Maximum time that a frame of an ended sender may still be in flight.</summary>
    private static readonly TimeSpan MaxWay = TimeSpan.FromMilliseconds(2500);

    public override void Sampled()
    {
        foreach (var node in Cluster.Nodes)
        {
            if (node.State != SimulatedNodeState.Running)
            {
                continue;
            }

            foreach (var owner in node.Shown.Owners)
            {
                if (Cluster.GoneSince(owner) is { } gone
                    && Cluster.Now - Later(gone, node.AwakeSince) > Cluster.Bounds.Removal + MaxWay)
                {
                    Violated(node, $"still shows {node.Shown.CountOf(owner)} of {owner}, gone since {gone}");
                }
            }
        }
    }

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
