namespace Presence.TestKit;

/// <summary>Contexts, graves, removal logs and the list of peers stay small, whatever happened.</summary>
internal sealed class MemoryStaysBounded(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Settled()
    {
        foreach (var member in Cluster.Members)
        {
            var others = Cluster.AllStarts.Select(one => one.Name).Distinct().Count(name => name != member.Name);
            if (member.Peers.Count > others)
            {
                Violated(member, $"holds {member.Peers.Count} peers; there were never more than {others} other names");
            }
        }
    }
}
