namespace Presence.TestKit;

/// <summary>Contexts, tombstones, removal logs and minimum visible versions stay bounded.</summary>
/// <remarks>
/// During faults: a log holds at most its capacity (or one larger removal), there is at most one tombstone per name
/// ever used, and contexts and minimum versions are bounded by the number of changes. At rest nothing is missing: a
/// context is one interval and there are no minimum versions.
/// </remarks>
internal sealed class MemoryStaysBounded(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Sampled()
    {
        foreach (var node in Cluster.Nodes.Where(m => m.State == SimulatedNodeState.Running))
        {
            var measure = node.Shard.Measure();
            var largest = Cluster.Options.Frames.RemovedDots;
            var log = Math.Max(Cluster.Options.Tracker.MaxDeltaSizes[^1], largest) * measure.Held;
            if (measure.LogDots > log)
            {
                Violated(node, $"its logs hold {measure.LogDots} dots of {measure.Held} replicas; the bound is {log}");
            }

            var names = Cluster.AllStarts.Select(one => one.Name).Distinct().Count();
            if (measure.Tombstones > names)
            {
                Violated(node, $"it has {measure.Tombstones} tombstones; there were {names} names");
            }
        }
    }

    public override void Settled()
    {
        foreach (var node in Cluster.Nodes)
        {
            var others = Cluster.AllStarts.Select(one => one.Name).Distinct().Count(name => name != node.Name);
            if (node.Peers.Count > others)
            {
                Violated(node, $"holds {node.Peers.Count} peers; there were never more than {others} other names");
            }

            var measure = node.Shard.Measure();
            var living = node.Peers.Count(p => p.IsUp);
            // The last changes of a down peer may be missing; all other contexts are complete.
            if (living == node.Peers.Count && (measure.ContextIntervals > measure.Held || measure.MinVisible > 0))
            {
                Violated(node, $"not minimal at rest: {measure}");
            }
        }
    }
}
