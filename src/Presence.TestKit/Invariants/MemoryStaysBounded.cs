namespace Presence.TestKit;

/// <summary>Contexts, graves, removal logs and what is remembered against stragglers stay small, whatever happened.</summary>
/// <remarks>
/// While faults last: a log holds its capacity (or one removal that is larger), there is a grave per name that there ever was
/// at most, and contexts and floors are bounded by the changes there were. At rest: nothing is missing, so a context is one
/// interval and nothing is remembered against stragglers.
/// </remarks>
internal sealed class MemoryStaysBounded(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Sampled()
    {
        foreach (var member in Cluster.Members.Where(m => m.State == MemberState.Running))
        {
            var measure = member.Shard.Measure();
            var largest = Cluster.Options.Frames.RemovedDots;
            var log = Math.Max(Cluster.Options.Tracker.MaxDeltaSizes[^1], largest) * measure.Held;
            if (measure.LogDots > log)
            {
                Violated(member, $"its logs hold {measure.LogDots} dots of {measure.Held} replicas; the bound is {log}");
            }

            var names = Cluster.AllStarts.Select(one => one.Name).Distinct().Count();
            if (measure.Graves > names)
            {
                Violated(member, $"it has {measure.Graves} graves; there were {names} names");
            }
        }
    }

    public override void Settled()
    {
        foreach (var member in Cluster.Members)
        {
            var others = Cluster.AllStarts.Select(one => one.Name).Distinct().Count(name => name != member.Name);
            if (member.Peers.Count > others)
            {
                Violated(member, $"holds {member.Peers.Count} peers; there were never more than {others} other names");
            }

            var measure = member.Shard.Measure();
            var living = member.Peers.Count(p => p.IsUp);
            // A peer that is still held as down may lack what it said last; everybody else's context is whole.
            if (living == member.Peers.Count && (measure.ContextIntervals > measure.Held || measure.Floors > 0))
            {
                Violated(member, $"at rest its {measure.Held} contexts have {measure.ContextIntervals} intervals and {measure.Floors} floors");
            }
        }
    }
}
