using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

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
            foreach (var measure in node.Shards.Select(shard => shard.Measure()))
            {
                Check(node, measure);
            }
        }
    }

    public override void Settled()
    {
        foreach (var node in Cluster.Nodes)
        {
            var others = Cluster.AllStarts.Select(one => one.Name).Distinct().Count(name => name != node.Name);
            foreach (var shard in node.Shards)
            {
                var peers = shard.Peers();
                if (peers.Count > others)
                {
                    Violated(node, $"holds {peers.Count} peers; there were never more than {others} other names");
                }

                var measure = shard.Measure();
                // The last changes of a down peer may be missing; all other contexts are complete.
                if (peers.All(p => p.IsUp) && (measure.ContextIntervals > measure.Held || measure.MinVisible > 0))
                {
                    Violated(node, $"not minimal at rest: {measure}");
                }
            }
        }
    }

    private void Check(SimulatedNode node, ShardMeasure measure)
    {
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
