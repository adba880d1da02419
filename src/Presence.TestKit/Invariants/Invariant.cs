using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>A rule that must hold whatever the network, the clocks and the members do.</summary>
internal abstract class Invariant(SimulatedCluster cluster)
{
    protected SimulatedCluster Cluster { get; } = cluster;

    /// <summary>All the rules there are.</summary>
    public static List<Invariant> All(SimulatedCluster cluster) =>
    [
        new EventsReplayToTheList(cluster),
        new OwnEntriesEndByOwnDoing(cluster),
        new OnlyTheWrittenIsShown(cluster),
        new VersionsNeverGoBack(cluster),
        new UpdatesKeepIdentity(cluster),
        new NobodyJoinsWhoHadLeft(cluster),
        new TheEndedStayEnded(cluster),
        new LivingAreNotReportedDown(cluster),
        new IncarnationsAreNotReused(cluster),
        new ChangesBecomeVisible(cluster),
        new TheDeadAreNotShown(cluster),
        new EverybodyListsTheSame(cluster),
        new MemoryStaysBounded(cluster),
    ];

    /// <summary>A member started, or goes on under another incarnation.</summary>
    public virtual void Started(SimulatedMember member)
    {
    }

    /// <summary>A member was told that a replica, and every earlier one of its name, is gone for good.</summary>
    public virtual void Ended(SimulatedMember member, ReplicaId replica)
    {
    }

    /// <summary>A member's shard took one input.</summary>
    public virtual void Stepped(SimulatedMember member, StepCause cause, ShardEffects effects)
    {
    }

    /// <summary>A broadcast period passed.</summary>
    public virtual void Sampled()
    {
    }

    /// <summary>Faults ended long ago and the cluster is at rest.</summary>
    public virtual void Settled()
    {
    }

    protected void Violated(SimulatedMember member, string message) => Cluster.Violate(GetType().Name, member, message);
}
