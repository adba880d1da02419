using Presence.Tracker.Shard;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>Nodes whose trackers have different numbers of shards, without faults but crashes.</summary>
public sealed class PoolSizeTests
{
    private const int Topics = 24;

    public static TheoryData<int[]> PoolSizes => new()
    {
        { [1, 2] },
        { [2, 3] },
        { [4, 6] },
        { [1, 8, 3] },
        { [5, 5, 2, 10] },
    };

    [Theory]
    [MemberData(nameof(PoolSizes))]
    public void Nodes_list_the_presences_of_nodes_with_other_pool_sizes(int[] poolSizes)
    {
        var cluster = new SimulatedCluster(7);
        var nodes = Start(cluster, poolSizes);
        var sessions = nodes.ConvertAll(TrackAll);
        cluster.Settle();
        foreach (var (node, session) in nodes.Zip(sessions))
        {
            for (var topic = 0; topic < Topics; topic++)
            {
                node.Update(session, $"t{topic}", "k", PresenceMeta.Parse("""{"v":2}"""));
            }

            for (var topic = 0; topic < Topics; topic += 2)
            {
                node.Untrack(session, $"t{topic}", "k");
            }
        }

        cluster.Settle();
        Assert.All(nodes, node => Assert.Equal(Topics / 2 * nodes.Count, node.EntryCount));
        nodes[0].EndSession(sessions[0]);
        cluster.Settle();
        Assert.All(nodes, node => Assert.Equal(Topics / 2 * (nodes.Count - 1), node.EntryCount));
    }

    [Theory]
    [MemberData(nameof(PoolSizes))]
    public void Node_that_joins_or_is_lost_is_noticed_by_nodes_with_other_pool_sizes(int[] poolSizes)
    {
        var cluster = new SimulatedCluster(8);
        var nodes = Start(cluster, poolSizes);
        nodes.ForEach(node => TrackAll(node));
        cluster.Settle();
        var late = Start(cluster, "late", 7);
        TrackAll(late);
        cluster.Settle();
        Assert.Equal(Topics * (nodes.Count + 1), late.EntryCount);
        late.Crash();
        nodes[0].Leave();
        cluster.Settle();
        Assert.All(nodes.Skip(1), node => Assert.Equal(Topics * (nodes.Count - 1), node.EntryCount));
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(4, 1)]
    [InlineData(4, 6)]
    public void Pool_size_changes_in_a_rolling_restart_and_nothing_of_the_earlier_process_stays(int before, int after)
    {
        var cluster = new SimulatedCluster(9);
        var nodes = Start(cluster, [before, before, before]);
        nodes.ForEach(node => TrackAll(node));
        cluster.Settle();
        foreach (var node in nodes)
        {
            node.Crash();
            var restarted = Start(cluster, node.Name, after);
            // Long before the failure detector would notice the end of the earlier process.
            cluster.Run(cluster.Options.Tracker.BroadcastPeriod * 2);
            Assert.All(
                cluster.Nodes, one => Assert.DoesNotContain(one.Shown.Entries, entry => entry.Owner == node.Self));
            TrackAll(restarted);
            cluster.Settle();
        }

        Assert.All(cluster.Nodes, node => Assert.Equal(Topics * 3, node.EntryCount));
        cluster.Run(cluster.Options.Tracker.PermDownPeriod * 4);
        Assert.All(
            cluster.Nodes.SelectMany(node => node.Shards).Where(shard => shard.IsReader),
            shard => Assert.True(shard.IsUnused));
    }

    [Fact]
    public void Clocks_of_a_topic_are_those_of_the_lane_of_the_topic()
    {
        var cluster = new SimulatedCluster(10);
        var nodes = Start(cluster, [4, 6]);
        nodes.ForEach(node => TrackAll(node));
        cluster.Settle();
        for (var topic = 0; topic < Topics; topic++)
        {
            var name = $"t{topic}";
            var home = nodes[0].Shards[PresencesByTopic.ShardOf(name, 4)];
            var writer = nodes[1].Shards[PresencesByTopic.ShardOf(name, 6)];
            var clock = Assert.Single(home.ViewOf(name).Known.Others);
            Assert.Equal(new ReplicaClock(nodes[1].Self, LastOf(writer), IsShown: true), clock);
        }

        static ulong LastOf(TrackerShard shard) => shard.ViewOf("none").Known.Local == shard.Self
            ? shard.Index.Topics(null, Topics).SelectMany(t => shard.Index.List(t.Topic))
                .Where(entry => entry.Owner == shard.Self).Max(entry => entry.Sequence)
            : 0;
    }

    [Fact]
    public void Node_that_is_seen_in_other_lanes_is_still_waited_for()
    {
        var effects = new ShardEffects();
        var shard = new TrackerShard(new("a", 5), 0, new TrackerOptions(), new PresenceLimits(), 1);
        shard.NodeJoined(TimeSpan.Zero, "b", effects);
        shard.AwaitNodes();
        shard.ProcessStarted(TimeSpan.Zero, new StartedProcess("b", 7), effects);
        Assert.False(shard.IsSynchronized);
        shard.NodeGone(TimeSpan.Zero, "b", 7, effects);
        Assert.True(shard.IsSynchronized);
    }

    private static List<SimulatedNode> Start(SimulatedCluster cluster, int[] poolSizes) =>
        [.. poolSizes.Select((size, i) => Start(cluster, $"n{i}", size))];

    private static SimulatedNode Start(SimulatedCluster cluster, string name, int poolSize) =>
        cluster.Start(name, cluster.WallClock(name), poolSize);

    private static ulong TrackAll(SimulatedNode node)
    {
        var session = node.OpenSession();
        for (var topic = 0; topic < Topics; topic++)
        {
            node.Track(session, $"t{topic}", "k");
        }

        return session;
    }
}
