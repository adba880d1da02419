using Presence.Node.Hosting;
using Presence.Tracker.Wire;

namespace Presence.Node.Tests.Hosting;

public sealed class NodeLifetimeTests
{
    [Fact]
    public async Task Node_that_fails_to_leave_still_stops_its_transport()
    {
        var fails = false;
        var log = new FakeLogger<PresenceNode>(_ =>
        {
            if (fails)
            {
                throw new InvalidTimeZoneException();
            }
        });
        // Not disposed, because its stop fails.
        var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0", more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        fails = true;
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => node.LeaveAsync(default));
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => node.StopAsync(default));
        fails = false;
        // The name is free only after the transport was stopped.
        var later = await cluster.AddAsync("n0");
        await later.StopAsync(default);
    }

    [Fact]
    public async Task Failed_node_stays_failed()
    {
        await using var cluster = new TestCluster(new TestTime());
        var log = new FakeLogger<PresenceNode>();
        var transport = cluster.InMemory.CreateTransport("n0");
        var n0 = await cluster.AddAsync(
            "n0", transport: transport, more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        SendConflictingHeartbeat(n0, new ReplicaId("n0", transport.Incarnation));
        Assert.Equal(NodeState.Failed, n0.State);
        Assert.Contains(log.With("Presence:NodeName"), l => l.Level == LogLevel.Critical);
        await cluster.StopAsync(0);
        Assert.Equal(NodeState.Failed, n0.State);
    }

    [Fact]
    public async Task Failed_node_stops_its_host_and_its_program_ends_with_status_1()
    {
        var transport = new InMemoryCluster().CreateTransport("n0");
        using var host = new HostBuilder()
            .ConfigureServices(services => services.AddSingleton<IClusterTransport>(transport).AddPresence())
            .Build();
        try
        {
            await host.StartAsync();
            SendConflictingHeartbeat(
                host.Services.GetRequiredService<PresenceNode>(), new ReplicaId("n0", transport.Incarnation));
            await host.WaitForShutdownAsync().WaitAsync(TestTimeout);
            Assert.Equal(1, Environment.ExitCode);
        }
        finally
        {
            Environment.ExitCode = 0;
        }
    }

    [Fact]
    public async Task Node_that_fails_during_its_start_never_becomes_ready()
    {
        await using var cluster = new TestCluster(new TestTime());
        var transport = new TamperedTransport(cluster.InMemory.CreateTransport("n0"));
        transport.OnStart = receiver => SendConflictingHeartbeat(receiver, new ReplicaId("n0", transport.Incarnation));
        var n0 = await cluster.AddAsync("n0", transport: transport);
        Assert.Equal(NodeState.Failed, n0.State);
    }

    [Fact]
    public async Task Concurrent_stops_stop_the_node_once()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var n0 = (PresenceNode)cluster[0];
        var leaves = Enumerable.Range(0, 8).Select(_ => Task.Run(() => n0.LeaveAsync(default)));
        await Task.WhenAll(leaves).WaitAsync(TestTimeout);
        Assert.Equal(NodeState.Draining, n0.State);
        await cluster.StopAsync(0);
        Assert.Equal(NodeState.Stopped, n0.State);
        Assert.Equal(["n1"], cluster[1].Nodes().Select(m => m.Name));
    }

    [Fact]
    public async Task Local_presences_are_counted_correctly_while_another_node_is_down_and_recovers()
    {
        var time = new TestTime();
        await using var cluster = new TestCluster(time);
        var log = new FakeLogger<PresenceNode>();
        await cluster.AddAsync("n0");
        await cluster.AddAsync(
            "n1", o => o.Tracker.LogLevel = "Information", more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        await cluster.Tracker(1).TrackAsync(cluster[1].OpenSession(), "t", "own");
        var session = cluster[0].OpenSession();
        for (var i = 0; i < 5; i++)
        {
            await cluster.Tracker(0).TrackAsync(session, "t", $"k{i}");
        }

        time.AdvanceInSteps(TimeSpan.FromSeconds(5));
        var tracker = cluster.Tracker(1);
        await TestCluster.UntilAsync(tracker, () => tracker.Count("t") == 6, "all are listed");
        cluster.InMemory.Reaches = (_, _) => false;
        await time.AdvanceUntilAsync("n0 is down", () => tracker.Count("t") == 1);
        Assert.Equal(1, cluster[1].Nodes()[0].Entries);
        // In contact again, but its entries are visible only after a repair response, which is lost here.
        cluster.InMemory.Reaches = (from, _) => from == "n0";
        await cluster.Tracker(0).TrackAsync(session, "t", "news");
        time.AdvanceInSteps(TimeSpan.FromSeconds(1));
        await log.UntilAsync("Recovering n0");
        Assert.Equal("up", cluster[1].Nodes().Single(m => !m.Self).Status);
        Assert.Equal((1, 1), (tracker.Count("t"), cluster[1].Nodes()[0].Entries));
    }

    [Theory]
    [InlineData("None", 0)]
    [InlineData("Warning", 0)]
    [InlineData("Information", 1)]
    public async Task Tracker_logs_from_its_configured_level(string level, int ups)
    {
        await using var cluster = new TestCluster();
        var log = new FakeLogger<PresenceNode>();
        await cluster.AddAsync(
            "n0", o => o.Tracker.LogLevel = level, more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        await cluster.AddAsync("n1");
        await TestCluster.UntilNodesAsync(cluster, 2);
        Assert.Equal(ups, log.With(": Up n1").Count);
    }

    [Theory]
    [InlineData(127, true)]
    [InlineData(128, false)]
    public void Node_name_is_limited_in_bytes(int letters, bool isGood)
    {
        var options = new PresenceOptions { NodeName = new string('é', letters) };
        if (isGood)
        {
            options.Validate();
        }
        else
        {
            Assert.Contains(
                "256 bytes", Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Sends a heartbeat of a newer live process with the node's name that knows the node.</summary>
    private static void SendConflictingHeartbeat(IClusterTransportReceiver node, ReplicaId replica)
    {
        var started = ulong.MaxValue / 8;
        var sender = new Sender(replica with { Incarnation = started }, started, 12345, 1, 0);
        var heartbeat = new HeartbeatFrame(sender, [new Clock(replica, 0, 0)]);
        node.OnFrame(replica.Node, new ClusterFrame("presence", 0, ShardFrameCodec.Encode(heartbeat)));
    }
}
