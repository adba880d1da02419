namespace Presence.Node.Tests.Hosting;

public sealed class Life_of_a_member
{
    [Fact]
    public async Task A_member_that_could_not_leave_in_order_still_lets_go_of_its_link()
    {
        var fails = false;
        var log = new FakeLogger<PresenceNode>(_ =>
        {
            if (fails)
            {
                throw new InvalidTimeZoneException();
            }
        });
        // Not disposed of: its stop fails, which is the point.
        var cluster = new TestCluster();
        var member = await cluster.AddAsync("n0", more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        fails = true;
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => member.LeaveAsync(default));
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => member.StopAsync(default));
        fails = false;
        // The name is free only once the link was stopped.
        var later = await cluster.AddAsync("n0");
        await later.StopAsync(default);
    }

    [Fact]
    public async Task A_member_that_failed_has_failed_for_good()
    {
        await using var cluster = new TestCluster(new FakeTimeProvider());
        var log = new FakeLogger<PresenceNode>();
        var link = cluster.Engine.CreateLink("n0");
        var n0 = await cluster.AddAsync("n0", link: link, more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        ShowNamesake(n0, new ReplicaId("n0", link.Incarnation));
        Assert.Equal(NodeState.Failed, n0.State);
        Assert.Contains(log.With("Presence:NodeName"), l => l.Level == LogLevel.Critical);
        await cluster.StopAsync(0);
        Assert.Equal(NodeState.Failed, n0.State);
    }

    [Fact]
    public async Task A_member_that_fails_while_it_starts_never_becomes_ready()
    {
        await using var cluster = new TestCluster(new FakeTimeProvider());
        var link = new TamperedLink(cluster.Engine.CreateLink("n0"));
        link.OnStart = receiver => ShowNamesake(receiver, new ReplicaId("n0", link.Incarnation));
        var n0 = await cluster.AddAsync("n0", link: link);
        Assert.Equal(NodeState.Failed, n0.State);
    }

    [Fact]
    public async Task Stopping_twice_at_once_is_stopping_once()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilMembersAsync(cluster, 2);
        var n0 = (PresenceNode)cluster[0];
        var leaves = Enumerable.Range(0, 8).Select(_ => Task.Run(() => n0.LeaveAsync(default)));
        await Task.WhenAll(leaves).WaitAsync(TestTimeout);
        Assert.Equal(NodeState.Draining, n0.State);
        await cluster.StopAsync(0);
        Assert.Equal(NodeState.Stopped, n0.State);
        Assert.Equal(["n1"], cluster[1].Members().Select(m => m.Name));
    }

    [Fact]
    public async Task Own_presences_are_counted_right_while_another_member_is_down_and_heals()
    {
        var time = new FakeTimeProvider();
        await using var cluster = new TestCluster(time);
        var log = new FakeLogger<PresenceNode>();
        await cluster.AddAsync("n0");
        await cluster.AddAsync("n1", o => o.Tracker.LogLevel = "Information", more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        await cluster.Tracker(1).TrackAsync(cluster[1].StartProcess(), "t", "own");
        var process = cluster[0].StartProcess();
        for (var i = 0; i < 5; i++)
        {
            await cluster.Tracker(0).TrackAsync(process, "t", $"k{i}");
        }

        time.AdvanceInSteps(TimeSpan.FromSeconds(5));
        var tracker = cluster.Tracker(1);
        await TestCluster.UntilAsync(tracker, () => tracker.Count("t") == 6, "all are seen");
        cluster.Engine.Reaches = (_, _) => false;
        time.AdvanceInSteps(TimeSpan.FromSeconds(40));
        Assert.Equal(1, tracker.Count("t"));
        Assert.Equal(1, cluster[1].Members()[0].Entries);
        // Heard again, but its entries are shown only after the answer to a request, which is lost here.
        cluster.Engine.Reaches = (from, _) => from == "n0";
        await cluster.Tracker(0).TrackAsync(process, "t", "news");
        time.AdvanceInSteps(TimeSpan.FromSeconds(1));
        await log.UntilAsync("Healing n0");
        Assert.Equal("up", cluster[1].Members().Single(m => !m.Self).Status);
        Assert.Equal((1, 1), (tracker.Count("t"), cluster[1].Members()[0].Entries));
    }

    [Theory]
    [InlineData("None", 0)]
    [InlineData("Warning", 0)]
    [InlineData("Information", 1)]
    public async Task A_tracker_logs_from_its_own_level_on(string level, int ups)
    {
        await using var cluster = new TestCluster();
        var log = new FakeLogger<PresenceNode>();
        await cluster.AddAsync("n0", o => o.Tracker.LogLevel = level, more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        await cluster.AddAsync("n1");
        await TestCluster.UntilMembersAsync(cluster, 2);
        Assert.Equal(ups, log.With(": Up n1").Count);
    }

    [Theory]
    [InlineData(127, true)]
    [InlineData(128, false)]
    public void A_name_is_measured_in_bytes(int letters, bool isGood)
    {
        var options = new PresenceOptions { NodeName = new string('é', letters) };
        if (isGood)
        {
            options.Validate();
        }
        else
        {
            Assert.Contains("256 bytes", Assert.Throws<PresenceOptionsException>(options.Validate).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_member_with_another_pool_size_is_refused_and_the_log_says_why()
    {
        await using var cluster = new TestCluster();
        var log = new FakeLogger<PresenceNode>();
        await cluster.AddAsync("n0", more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        await cluster.AddAsync("n1", o => o.Tracker.PoolSize = 3);
        await log.UntilAsync("PoolSize is 3");
        await cluster.Tracker(1).TrackAsync(cluster[1].StartProcess(), "t", "k");
        Assert.Equal(0, cluster.Tracker(0).Count("t"));
        Assert.Contains(log.With("PoolSize is 3"), l => l.Level == LogLevel.Error);
    }

    /// <summary>A newer living process of the member's name: one that has heard of it.</summary>
    private static void ShowNamesake(IClusterReceiver member, ReplicaId replica)
    {
        var started = ulong.MaxValue / 2;
        var sender = new Sender(replica with { Incarnation = started }, started, 12345, 1, 0);
        var heartbeat = new HeartbeatFrame(sender, [new Clock(replica, 0, 0)]);
        member.Received(replica.Node, new LinkFrame("presence", 0, ShardFrameCodec.Encode(heartbeat)));
    }
}
