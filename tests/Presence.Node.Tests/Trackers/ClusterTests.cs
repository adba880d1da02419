using Presence.Node.Hosting;

namespace Presence.Node.Tests.Trackers;

public sealed class ClusterTests
{
    [Fact]
    public async Task Killed_node_is_down_after_four_unanswered_probes_and_not_before_a_fifth_of_the_down_period()
    {
        var time = new TestTime();
        await using var cluster = await TestCluster.OfAsync(2, time: time);
        await cluster.TrackAndSeeAsync();
        cluster.InMemory.Kill("n0");
        LeaveReason? reason = null;
        using var subscription = cluster.Tracker(1).Subscribe("t", diff => reason = diff.Changes[0].Reason);
        // In steps, because a jump would count as a suspension of this process.
        time.AdvanceInSteps(TimeSpan.FromSeconds(5));
        Assert.Equal(1, cluster.Tracker(1).Count("t"));
        time.AdvanceInSteps(TimeSpan.FromSeconds(5));
        await cluster.Tracker(1).DeliveredAsync();
        Assert.Equal(LeaveReason.NodeDown, reason);
        Assert.Equal("down", cluster[1].Nodes().Single(m => !m.Self).Status);
    }

    [Fact]
    public async Task Node_with_a_disconnected_transport_marks_none_as_down_before_the_down_period_ends()
    {
        var time = new TestTime();
        await using var cluster = await TestCluster.OfAsync(1, time: time);
        var tampered = new TamperedTransport(cluster.InMemory.CreateTransport("n1"));
        await cluster.AddAsync("n1", transport: tampered);
        await cluster.TrackAndSeeAsync();
        cluster.InMemory.Kill("n0");
        tampered.Status = new ClusterTransportStatus(false, time.GetUtcNow(), "disconnected");
        time.AdvanceInSteps(TimeSpan.FromSeconds(29));
        Assert.Equal(1, cluster.Tracker(1).Count("t"));
        // Connected again, still without answers: probes sent meanwhile do not count.
        tampered.Status = new ClusterTransportStatus(true, time.GetUtcNow());
        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(1, cluster.Tracker(1).Count("t"));
        await time.AdvanceUntilAsync("n0 is down", () => cluster.Tracker(1).Count("t") == 0);
    }

    [Fact]
    public async Task Probe_through_a_hung_transport_does_not_count_as_unanswered()
    {
        var time = new TestTime();
        await using var cluster = await TestCluster.OfAsync(1, time: time);
        var tampered = new TamperedTransport(
            cluster.InMemory.CreateTransport("n1"))
        { Status = new ClusterTransportStatus(true, AcceptedFrames: 7) };
        await cluster.AddAsync("n1", transport: tampered);
        await cluster.TrackAndSeeAsync();
        cluster.InMemory.Kill("n0");
        time.AdvanceInSteps(TimeSpan.FromSeconds(20));
        Assert.Equal(1, cluster.Tracker(1).Count("t"));
        // The transport accepts probes again: now missing answers count.
        var accepted = 7;
        tampered.OnRequest = (_, cancellation) =>
        {
            tampered.Status = new ClusterTransportStatus(true, AcceptedFrames: ++accepted);
            return new(false);
        };
        await time.AdvanceUntilAsync("n0 is down", () => cluster.Tracker(1).Count("t") == 0);
        Assert.True(accepted >= 11, $"Four probes should be accepted, not {accepted - 7}.");
    }

    [Fact]
    public async Task Nodes_list_the_same_after_a_partition_heals()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        cluster.InMemory.Reaches = (from, to) => (from, to) is not ("n0", "n1");
        var session = cluster[0].OpenSession();
        for (var i = 0; i < 50; i++)
        {
            await cluster.Tracker(0).TrackAsync(session, "t", $"k{i}");
        }

        Assert.Equal(0, cluster.Tracker(1).Count("t"));
        cluster.InMemory.Reaches = (_, _) => true;
        await TestCluster.UntilAsync(
            cluster.Tracker(1), () => cluster.Tracker(1).Count("t") == 50, "all 50 are repaired");
    }

    [Fact]
    public async Task Concurrent_writers_on_three_nodes_converge()
    {
        await using var cluster = await TestCluster.OfAsync(3);
        await Task.WhenAll(Enumerable.Range(0, 9).Select(w => Task.Run(async () =>
        {
            var node = cluster[w % 3];
            for (var i = 0; i < 300; i++)
            {
                var session = node.OpenSession();
                await node.Tracker.TrackAsync(session, $"t{i % 5}", $"w{w}-{i}");
                await node.Tracker.UpdateAsync(session, $"t{i % 5}", $"w{w}-{i}", PresenceMeta.Parse("""{"u":1}"""));
                if (i % 3 != 0)
                {
                    session.End();
                }
            }
        })));
        for (var node = 0; node < 3; node++)
        {
            var tracker = cluster.Tracker(node);
            await TestCluster.UntilAsync(
                tracker, () => Enumerable.Range(0, 5).Sum(t => tracker.Count($"t{t}")) == 900, "all 900 are listed");
        }

        for (var topic = 0; topic < 5; topic++)
        {
            var lists = Enumerable.Range(0, 3).Select(
                m => string.Join(" ", cluster.Tracker(m).List($"t{topic}").Select(e => e.Ref)));
            Assert.Single(lists.Distinct());
        }
    }

    [Fact]
    public async Task Flooded_inbox_drops_frames_and_repair_restores_them()
    {
        await using var cluster = new TestCluster(inboxCapacity: 1);
        await cluster.AddAsync("n0", o => o.Tracker.DeltaDelay = TimeSpan.Zero);
        await cluster.AddAsync("n1");
        var session = cluster[0].OpenSession();
        for (var i = 0; i < 2000; i++)
        {
            await cluster.Tracker(0).TrackAsync(session, "t", $"k{i}");
        }

        await TestCluster.UntilAsync(
            cluster.Tracker(1), () => cluster.Tracker(1).Count("t") == 2000, "all 2000 are listed");
    }

    [Fact]
    public async Task Older_of_two_nodes_with_one_name_fails_and_asks_its_host_to_stop()
    {
        await using var cluster = new TestCluster();
        var first = new Relay("n0", 1);
        var second = new Relay("n0", 2);
        (first.Other, second.Other) = (second, first);
        var older = await cluster.AddAsync("older", transport: first);
        var failed = new TaskCompletionSource();
        older.Failed += failed.SetResult;
        await cluster.AddAsync("newer", transport: second);
        await failed.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(NodeState.Failed, older.State);
        Assert.Equal(NodeState.Ready, cluster[1].State);
    }

    [Fact]
    public async Task Throwing_failure_handler_affects_neither_the_process_nor_other_handlers()
    {
        await using var cluster = new TestCluster();
        var (first, second) = (new Relay("n0", 1), new Relay("n0", 2));
        (first.Other, second.Other) = (second, first);
        var log = new FakeLogger<PresenceNode>();
        var older = await cluster.AddAsync(
            "older", transport: first, more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        var failed = new TaskCompletionSource();
        older.Failed += () => throw new ObjectDisposedException("the host");
        older.Failed += failed.SetResult;
        await cluster.AddAsync("newer", transport: second);
        await failed.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await log.UntilAsync("A failure handler of node n0 threw");
    }

    /// <summary>A transport between two processes with the same node name.</summary>
    private sealed class Relay(string name, ulong incarnation) : IClusterTransport
    {
        private IClusterTransportReceiver? _receiver;

        public Relay? Other { get; set; }

        public string NodeName => name;

        public ulong Incarnation => incarnation;

        public string Name => "relay";

        public Task StartAsync(IClusterTransportReceiver receiver, CancellationToken cancellation)
        {
            _receiver = receiver;
            return Task.CompletedTask;
        }

        public void Send(string node, ClusterFrame frame) => Broadcast(frame);

        public void Broadcast(ClusterFrame frame) => Other?._receiver?.OnFrame(name, frame);

        public ValueTask<bool> RequestAsync(string node, ClusterFrame frame, CancellationToken cancellation) =>
            new(false);

        public Task StopAsync(CancellationToken cancellation) => Task.CompletedTask;
    }
}
