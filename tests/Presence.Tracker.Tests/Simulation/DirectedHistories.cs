using System.Globalization;
using Presence.TestKit.Seam;
using Presence.Tracker.Shard;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>Histories for defects that need a rare order of events. Without a defect they violate nothing.</summary>
internal static class DirectedHistories
{
    private const string Topic = "t";

    /// <summary>Parts of a repair of removed intervals are lost.</summary>
    public static IReadOnlyList<Violation> LostPartsBeyondTheRemovalLog(ulong seed, Func<ShardSeam>? seam)
    {
        var cluster = Cluster(seed, seam, new FrameBounds { RemovedIntervals = 2 }, logCapacity: 4);
        var (owner, session, _) = Pair(cluster, presences: 40);
        cluster.Network.Cut("a", "b");
        for (var i = 0; i < 40; i += 2)
        {
            owner.Untrack(session, Topic, Key(i));
        }

        cluster.Run(TimeSpan.FromMilliseconds(300));
        cluster.Network.SetDefault(LinkConditions.Good with { Loss = 0.3 });
        cluster.Network.Restore("a", "b");
        cluster.Run(TimeSpan.FromSeconds(2));
        return Violations(cluster);
    }

    /// <summary>A frame of the first incarnation arrives after the second one has been removed.</summary>
    public static IReadOnlyList<Violation> LateFrameOfAReplacedIncarnation(ulong seed, Func<ShardSeam>? seam)
    {
        var cluster = Cluster(seed, seam, FrameBounds.Production);
        var (owner, session, _) = Pair(cluster, presences: 1);
        var late = TimeSpan.FromSeconds(6);
        cluster.Network.SetLink("a", "b", LinkConditions.Good with { MinDelay = late, MaxDelay = late });
        owner.Track(session, Topic, "late");
        cluster.Run(TimeSpan.FromMilliseconds(10));
        owner.Crash();
        cluster.Network.SetLink("a", "b", null);
        var second = cluster.Start("a");
        cluster.Run(TimeSpan.FromMilliseconds(300));
        second.Crash();
        cluster.Run(late);
        return Violations(cluster);
    }

    /// <summary>A node that was down is repaired with changes that it has not sent yet.</summary>
    public static IReadOnlyList<Violation> RecoveryWithUnsentChanges(ulong seed, Func<ShardSeam>? seam)
    {
        var cluster = Cluster(seed, seam, new FrameBounds { RepairBytes = 1 });
        var (owner, session, other) = Pair(cluster, presences: 20);
        cluster.Network.Cut("a", "b");
        cluster.RunUntil(() => other.Peers is [{ IsUp: false }], TimeSpan.FromSeconds(5));
        owner.Track(session, Topic, "missed");
        for (var i = 0; i < 20 && !cluster.Failed; i++)
        {
            // Faster than the delay of a delta, so that some changes wait when the repair is requested.
            cluster.Run(TimeSpan.FromMilliseconds(6));
            owner.Untrack(session, Topic, Key(i));
            if (i == 5)
            {
                cluster.Network.Restore("a", "b");
            }
        }

        return Violations(cluster);
    }

    private static SimulatedCluster Cluster(
        ulong seed, Func<ShardSeam>? seam, FrameBounds frames, int logCapacity = 100)
    {
        var options = SimulatedClusterOptions.ScaledTracker();
        options.MaxDeltaSizes = [logCapacity];
        return new SimulatedCluster(
            seed, new SimulatedClusterOptions { Tracker = options, Seam = seam, Frames = frames });
    }

    private static (SimulatedNode Owner, ulong Session, SimulatedNode Other) Pair(
        SimulatedCluster cluster, int presences)
    {
        var (owner, other) = (cluster.Start("a"), cluster.Start("b"));
        var session = owner.OpenSession();
        owner.TrackMany(session, [.. Enumerable.Range(0, presences).Select(i => new TrackRequest(Topic, Key(i)))]);
        cluster.Run(TimeSpan.FromSeconds(2));
        return (owner, session, other);
    }

    private static IReadOnlyList<Violation> Violations(SimulatedCluster cluster)
    {
        if (!cluster.Failed)
        {
            cluster.EndFaults();
        }

        return cluster.Violations;
    }

    private static string Key(int number) => "k" + number.ToString(CultureInfo.InvariantCulture);
}
