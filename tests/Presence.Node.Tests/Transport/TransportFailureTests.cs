using Presence.Node.Hosting;
using Presence.Node.PubSub;
using Presence.Tracker.Wire;

namespace Presence.Node.Tests.Transport;

public sealed class TransportFailureTests
{
    [Fact]
    public async Task Throwing_transport_affects_no_call_and_no_tick()
    {
        var time = new TestTime();
        await using var cluster = new TestCluster(time);
        var transport = new TamperedTransport(cluster.InMemory.CreateTransport("n0"));
        var log = new FakeLogger<PresenceNode>();
        var n0 = await cluster.AddAsync(
            "n0", transport: transport, more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        await cluster.AddAsync("n1");
        await TestCluster.UntilNodesAsync(cluster, 2);
        var thrown = 0;
        transport.OnSend = _ => Interlocked.Increment(ref thrown) > 0 ? throw new InvalidTimeZoneException() : true;
        var session = n0.OpenSession();
        await n0.Tracker.TrackAsync(session, "t", "k1");
        n0.OnFrame("n1", new ClusterFrame("presence", 0, new byte[] { 1 }));
        await time.AdvanceUntilAsync("the shard has tried to send five times", () => Volatile.Read(ref thrown) >= 5);
        Assert.Equal(1, n0.Tracker.Count("t"));
        Assert.NotEmpty(log.With("exception at a command or frame"));

        transport.OnSend = _ => true;
        await time.AdvanceUntilAsync("lost frames are repaired", () => cluster.Tracker(1).Count("t") == 1);
    }

    [Fact]
    public async Task Node_whose_frames_are_all_lost_but_that_answers_probes_is_not_down()
    {
        var time = new TestTime();
        await using var cluster = new TestCluster(time);
        var transport = new TamperedTransport(cluster.InMemory.CreateTransport("n0"));
        var n0 = await cluster.AddAsync("n0", transport: transport);
        await cluster.AddAsync("n1");
        await cluster.TrackAndSeeAsync();
        transport.OnSend = _ => false;
        time.AdvanceInSteps(TimeSpan.FromSeconds(120));
        Assert.Equal(1, cluster.Tracker(1).Count("t"));
        Assert.Equal("up", cluster[1].Nodes().Single(m => !m.Self).Status);
    }

    [Fact]
    public async Task Busy_node_with_a_full_mailbox_still_answers_probes_and_handles_leaves()
    {
        await using var cluster = new TestCluster();
        var n0 = await cluster.AddAsync("n0", o => o.LeaveTimeout = TestTimeout);
        var n1 = await cluster.AddAsync("n1", o => o.MailboxCapacity = 16);
        await TestCluster.UntilNodesAsync(cluster, 2);
        await cluster.TrackAndSeeAsync();
        using var held = new HeldShard(n1, "t");
        var session = n1.OpenSession();
        var waiting = Enumerable.Range(0, 16).Select(i => n1.Tracker.TrackAsync(session, "t", $"k{i}").AsTask())
            .ToArray();
        var leaving = n0.LeaveAsync(default);
        held.Release();
        await leaving.WaitAsync(TestTimeout);
        await Task.WhenAll(waiting.Select(w => w.ContinueWith(_ => { }, TaskScheduler.Default)));
        Assert.DoesNotContain("k", n1.Tracker.List("t").Select(e => e.Key));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Leave_that_fails_or_hangs_does_not_prevent_the_stop(bool hangs)
    {
        await using var cluster = new TestCluster();
        var transport = new TamperedTransport(cluster.InMemory.CreateTransport("n0"))
        {
            OnRequest = (_, _) =>
                hangs
                    ? new ValueTask<bool>(new TaskCompletionSource<bool>().Task)
                    : throw new InvalidTimeZoneException(),
        };
        var drained = 0;
        var n0 = await cluster.AddAsync(
            "n0",
            o => o.LeaveTimeout = TimeSpan.FromMilliseconds(50),
            transport,
            s => s.AddSingleton<IDrainParticipant>(new DrainStep(() => drained++)));
        await cluster.AddAsync("n1");
        await TestCluster.UntilNodesAsync(cluster, 2);
        await cluster.StopAsync(0).WaitAsync(TestTimeout);
        Assert.Equal((NodeState.Stopped, 1), (n0.State, drained));
    }

    [Fact]
    public async Task Garbage_is_always_counted_and_logged_at_a_limited_rate()
    {
        var time = new TestTime();
        await using var cluster = new TestCluster(time);
        var log = new FakeLogger<PresenceNode>();
        var n0 = await cluster.AddAsync("n0", more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        using var drops = new Counted("presence.frames.dropped", "undecodable");
        void Flood()
        {
            for (var i = 0; i < 1000; i++)
            {
                n0.OnFrame("n9", new ClusterFrame("presence", 0, new byte[] { 255, 1, 2 }));
            }
        }

        Flood();
        Assert.InRange(drops.Sum, 1000, long.MaxValue);
        Assert.Equal(LogLevel.Warning, Assert.Single(log.With("n9")).Level);
        time.Advance(TimeSpan.FromMinutes(2));
        Flood();
        var about = log.With("n9");
        Assert.Equal(2, about.Count);
        Assert.Contains("1000", about[1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Frame_that_names_another_node_as_its_sender_is_dropped_and_counted()
    {
        await using var cluster = new TestCluster();
        var n0 = await cluster.AddAsync("n0");
        await cluster.AddAsync("n1");
        await TestCluster.UntilNodesAsync(cluster, 2);
        using var drops = new Counted("presence.frames.dropped", "forged_sender");
        var victim = new Sender(new ReplicaId("n1", ulong.MaxValue / 2), 1, 2, 1, 0);
        var leave = new ClusterFrame("presence", 0, ShardFrameCodec.Encode(new LeaveFrame(victim)));
        n0.OnFrame("n2", leave);
        Assert.False(await n0.OnRequestAsync("n2", leave));
        n0.OnFrame("n2", default);
        Assert.InRange(drops.Sum, 2, long.MaxValue);
        Assert.Equal("up", n0.Nodes().Single(n => n.Name == "n1").Status);
    }

    [Fact]
    public async Task Message_whose_text_is_no_UTF_8_is_dropped()
    {
        await using var cluster = new TestCluster();
        var n0 = await cluster.AddAsync("n0");
        var received = new List<string>();
        using var subscription = n0.PubSub.Subscribe("t", m => received.Add(m.Event));
        void Receive(string name, ulong sequence, byte[] body, bool isBinary) => n0.OnFrame("n1", new ClusterFrame(
            "pubsub",
            0,
            PubSubCodec.Encode(new PubSubMessage("t", name, body, isBinary), new PubSubSource(1, 1), sequence)));
        Receive("text", 1, [0x22, 0xFF, 0x22], isBinary: false);
        Receive("binary", 2, [0x22, 0xFF, 0x22], isBinary: true);
        Assert.Equal(["binary"], received);
    }
}
