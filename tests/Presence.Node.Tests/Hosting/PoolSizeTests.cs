using Presence.Node.Hosting;
using Presence.Node.Shards;
using Presence.Tracker.Wire;

namespace Presence.Node.Tests.Hosting;

/// <summary>Nodes with different <see cref="TrackerOptions.PoolSize"/>.</summary>
public sealed class PoolSizeTests
{
    private const int Topics = 20;

    [Fact]
    public async Task Nodes_with_different_pool_sizes_have_each_others_presences()
    {
        await using var cluster = await StartAsync(1, 4, 6);
        var sessions = new List<PresenceSession>();
        for (var node = 0; node < 3; node++)
        {
            sessions.Add(cluster[node].OpenSession());
            await TrackAllAsync(cluster, node, sessions[node]);
        }

        for (var node = 0; node < 3; node++)
        {
            var tracker = cluster.Tracker(node);
            await TestCluster.UntilAsync(tracker, () => Total(tracker) == 3 * Topics, "all presences are there");
            Assert.Equal(Topics, tracker.TopicsOf("k1").Count);
            Assert.Equal(["up", "up", "up"], cluster[node].Nodes().Select(n => n.Status));
            Assert.All(cluster[node].Nodes(), n => Assert.Equal(Topics, n.Entries));
        }

        sessions[2].End();
        for (var node = 0; node < 3; node++)
        {
            var tracker = cluster.Tracker(node);
            await TestCluster.UntilAsync(tracker, () => Total(tracker) == 2 * Topics, "those of n2 have left");
        }
    }

    [Fact]
    public async Task Subscriber_gets_each_change_of_a_node_with_another_pool_size_once()
    {
        await using var cluster = await StartAsync(4, 3);
        var changes = new ConcurrentQueue<PresenceChange>();
        using var subscription = cluster.Tracker(0).Subscribe(
            "t", diff => diff.Changes.ToList().ForEach(changes.Enqueue));
        var session = cluster[1].OpenSession();
        await cluster.Tracker(1).TrackAsync(session, "t", "k");
        await UntilAsync(list => list.Count == 1);
        await cluster.Tracker(1).UpdateAsync(session, "t", "k", PresenceMeta.Parse("""{"v":1}"""));
        await UntilAsync(list => list.Single().Meta.Length > 2);
        await cluster.Tracker(1).UntrackAsync(session, "t", "k");
        await UntilAsync(list => list.Count == 0);
        Assert.Equal(
            [PresenceChangeKind.Joined, PresenceChangeKind.Updated, PresenceChangeKind.Left],
            changes.Select(c => c.Kind));
        Assert.True(changes.First().IsFirst);
        Assert.True(changes.Last().IsLast);

        async Task UntilAsync(Func<TopicSnapshot, bool> isSo)
        {
            var tracker = cluster.Tracker(0);
            await TestCluster.UntilAsync(tracker, () => isSo(tracker.List("t")), "the change is there");
            await tracker.DeliveredAsync();
        }
    }

    [Fact]
    public async Task Starting_node_waits_for_the_presences_of_nodes_with_another_pool_size()
    {
        await using var cluster = await StartAsync(2);
        await TrackAllAsync(cluster, 0, cluster[0].OpenSession());
        await AddAsync(cluster, 1, 5);
        Assert.Equal(Topics, Total(cluster.Tracker(1)));
    }

    [Fact]
    public async Task Stopped_node_is_acknowledged_by_nodes_with_another_pool_size()
    {
        await using var cluster = await StartAsync(3, 2);
        await TrackAllAsync(cluster, 0, cluster[0].OpenSession());
        var tracker = cluster.Tracker(1);
        await TestCluster.UntilAsync(tracker, () => Total(tracker) == Topics, "the presences are there");
        var reasons = new ConcurrentQueue<LeaveReason?>();
        using var subscription = tracker.Subscribe("t0", diff => reasons.Enqueue(diff.Changes[0].Reason));
        await cluster.StopAsync(0);
        await tracker.DeliveredAsync();
        Assert.Equal(0, Total(tracker));
        Assert.Equal([LeaveReason.NodeStopped], reasons);
    }

    [Fact]
    public async Task Session_is_continued_on_a_node_with_another_pool_size_without_a_leave()
    {
        await using var cluster = await StartAsync(4, 3, 1);
        await TestCluster.UntilNodesAsync(cluster, 3);
        var grace = new PresenceSessionOptions { Grace = TimeSpan.FromSeconds(30) };
        var session = cluster[0].OpenSession(grace);
        await TrackAllAsync(cluster, 0, session, key: "ann");
        var observer = cluster.Tracker(2);
        await TestCluster.UntilAsync(observer, () => observer.TopicsOf("ann").Count == Topics, "ann is there");
        var changes = new ConcurrentQueue<PresenceChange>();
        var subscriptions = Enumerable.Range(0, Topics).Select(topic => observer.Subscribe(
            $"t{topic}", diff => diff.Changes.ToList().ForEach(changes.Enqueue))).ToList();
        var token = session.Token!;
        await cluster.StopAsync(0);
        var resumed = await cluster[1].ResumeAsync(token, grace);
        Assert.NotEqual(ResumeOutcome.New, resumed.Outcome);
        Assert.Equal(Topics, resumed.Presences.Count);
        await TestTimeouts.UntilAsync(
            "all are owned by another node",
            TimeSpan.FromSeconds(30),
            () => Enumerable.Range(0, Topics).All(t => observer.List($"t{t}").Single().Owner.Node != "n0"));
        await observer.DeliveredAsync();
        Assert.DoesNotContain(changes, change => change.Kind == PresenceChangeKind.Left);
        subscriptions.ForEach(subscription => subscription.Dispose());
    }

    [Fact]
    public async Task Lanes_of_a_pool_size_that_no_node_has_any_more_are_not_read_for_ever()
    {
        var time = new TestTime();
        await using var cluster = await StartAsync(time, 1, 2);
        await cluster.TrackAndSeeAsync();
        Assert.Equal(2, LanesRead(cluster));
        await cluster.StopAsync(1);
        await time.AdvanceUntilAsync("no lane is read", () =>
        {
            time.AdvanceInSteps(TimeSpan.FromSeconds(10));
            return LanesRead(cluster) == 0;
        });
        await AddAsync(cluster, 2, 2);
        await cluster.Tracker(2).TrackAsync(cluster[2].OpenSession(), "again", "k");
        await TestCluster.UntilAsync(
            cluster.Tracker(0), () => cluster.Tracker(0).Count("again") == 1, "the new node is read");
    }

    [Fact]
    public async Task Frames_of_too_many_pool_sizes_are_dropped()
    {
        await using var cluster = await StartAsync(1);
        var node = (IClusterTransportReceiver)cluster[0];
        using var dropped = new Counted("presence.frames.dropped", "unknown_address", cluster[0]);
        for (var size = 2; size <= ReplicatedShards.MaxOtherPoolSizes + 1; size++)
        {
            node.OnFrame("other", Heartbeat(size, shard: 0));
        }

        Assert.Equal(0, dropped.Sum);
        node.OnFrame("other", Heartbeat(100, shard: 0));
        Assert.Equal(1, dropped.Sum);
        node.OnFrame("other", Heartbeat(2, shard: 2));
        Assert.Equal(2, dropped.Sum);
    }

    private static ClusterFrame Heartbeat(int poolSize, int shard) => new("presence", shard, ShardFrameCodec.Encode(
        new HeartbeatFrame(new Sender(new ReplicaId("other", 5), 5, 1, poolSize, 0), [])));

    private static Task<TestCluster> StartAsync(params int[] poolSizes) => StartAsync(null, poolSizes);

    private static async Task<TestCluster> StartAsync(TimeProvider? time, params int[] poolSizes)
    {
        var cluster = new TestCluster(time);
        for (var node = 0; node < poolSizes.Length; node++)
        {
            await AddAsync(cluster, node, poolSizes[node]);
        }

        return cluster;
    }

    private static Task<PresenceNode> AddAsync(TestCluster cluster, int node, int poolSize) =>
        cluster.AddAsync($"n{node}", options => options.Tracker.PoolSize = poolSize);

    private static async Task TrackAllAsync(TestCluster cluster, int node, PresenceSession session, string? key = null)
    {
        for (var topic = 0; topic < Topics; topic++)
        {
            await cluster.Tracker(node).TrackAsync(session, $"t{topic}", key ?? $"k{node}");
        }
    }

    private static int Total(IPresenceTracker tracker) => tracker.Topics(null, 100).Sum(topic => topic.Count);

    private static int LanesRead(TestCluster cluster)
    {
        var lanes = 0;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Name == "presence.lanes.read" && cluster[0].IsMeter(instrument.Meter))
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<int>((_, value, _, _) => lanes = value);
        listener.Start();
        listener.RecordObservableInstruments();
        return lanes;
    }
}
