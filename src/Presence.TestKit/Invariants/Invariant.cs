using Presence.Crdt;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

/// <summary>A rule that must hold under all faults.</summary>
internal abstract class Invariant(SimulatedCluster cluster)
{
    protected SimulatedCluster Cluster { get; } = cluster;

    public static List<Invariant> All(SimulatedCluster cluster) =>
    [
        new EventsReplayToTheList(cluster),
        new KeysComeAndGoInTurn(cluster),
        new LocalEntriesEndOnRequestOnly(cluster),
        new OnlyWrittenPresencesAreVisible(cluster),
        new VersionsNeverGoBack(cluster),
        new UpdatesKeepIdentity(cluster),
        new EndedPresencesDoNotRejoin(cluster),
        new EndedPresencesStayEnded(cluster),
        new LiveNodesAreNotReportedDown(cluster),
        new IncarnationsAreNotReused(cluster),
        new ChangesBecomeVisible(cluster),
        new RemovedNodesAreNotVisible(cluster),
        new AllNodesListTheSame(cluster),
        new MemoryStaysBounded(cluster),
    ];

    /// <summary>Handles the start of a node, or its new incarnation.</summary>
    public virtual void Started(SimulatedNode node)
    {
    }

    /// <summary>Handles the notification of a shard of a node that a replica and its predecessors have ended.</summary>
    public virtual void Ended(SimulatedNode node, Lane lane, ReplicaId replica)
    {
    }

    /// <summary>Handles one input of a node's shard.</summary>
    public virtual void Stepped(SimulatedNode node, StepCause cause, ShardEffects effects)
    {
    }

    /// <summary>Handles the end of a broadcast period.</summary>
    public virtual void Sampled()
    {
    }

    /// <summary>Checks the cluster at rest, after all faults have ended.</summary>
    public virtual void Settled()
    {
    }

    protected void Violated(SimulatedNode node, string message) => Cluster.Violate(GetType().Name, node, message);
}
