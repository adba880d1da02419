namespace Presence.Node.Tests.Link;

public sealed class Links_that_fail
{
    [Fact]
    public async Task A_link_that_throws_harms_no_call_and_no_tick()
    {
        var time = new FakeTimeProvider();
        await using var cluster = new TestCluster(time);
        var link = new TamperedLink(cluster.Engine.CreateLink("n0"));
        var log = new FakeLogger<PresenceNode>();
        var n0 = await cluster.AddAsync("n0", link: link, more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        await cluster.AddAsync("n1");
        await TestCluster.UntilMembersAsync(cluster, 2);
        var thrown = 0;
        link.OnSend = _ => Interlocked.Increment(ref thrown) > 0 ? throw new InvalidTimeZoneException() : true;
        var process = n0.StartProcess();
        await n0.Tracker.TrackAsync(process, "t", "k1");
        n0.Received("n1", new LinkFrame("presence", 0, new byte[] { 1 }));
        // A tick may find its shard busy with a frame and run when that is done, so the time goes on until it has.
        time.AdvanceInSteps(TimeSpan.FromSeconds(120), () => Volatile.Read(ref thrown) >= 5);
        Assert.True(thrown >= 5, $"The shard tried to send {thrown} times and then no more.");
        Assert.Equal(1, n0.Tracker.Count("t"));
        Assert.NotEmpty(log.With("failed"));

        link.OnSend = _ => true;
        time.AdvanceInSteps(TimeSpan.FromSeconds(10));
        await TestCluster.UntilAsync(cluster.Tracker(1), () => cluster.Tracker(1).Count("t") == 1, "what was lost is repaired");
    }

    [Fact]
    public async Task A_member_whose_frames_are_all_lost_but_who_answers_is_not_down()
    {
        var time = new FakeTimeProvider();
        await using var cluster = new TestCluster(time);
        var link = new TamperedLink(cluster.Engine.CreateLink("n0"));
        var n0 = await cluster.AddAsync("n0", link: link);
        await cluster.AddAsync("n1");
        await cluster.TrackAndSeeAsync();
        link.OnSend = _ => false;
        time.AdvanceInSteps(TimeSpan.FromSeconds(120));
        Assert.Equal(1, cluster.Tracker(1).Count("t"));
        Assert.Equal("up", cluster[1].Members().Single(m => !m.Self).Status);
    }

    [Fact]
    public async Task A_busy_member_with_a_full_mailbox_still_answers_and_still_hears_farewells()
    {
        await using var cluster = new TestCluster();
        var n0 = await cluster.AddAsync("n0", o => o.FarewellTimeout = TestTimeout);
        var n1 = await cluster.AddAsync("n1", o => o.MailboxCapacity = 16);
        await TestCluster.UntilMembersAsync(cluster, 2);
        await cluster.TrackAndSeeAsync();
        using var held = new HeldShard(n1, "t");
        var process = n1.StartProcess();
        var waiting = Enumerable.Range(0, 16).Select(i => n1.Tracker.TrackAsync(process, "t", $"k{i}").AsTask()).ToArray();
        var leaving = n0.LeaveAsync(default);
        held.LetGo();
        await leaving.WaitAsync(TestTimeout);
        await Task.WhenAll(waiting.Select(w => w.ContinueWith(_ => { }, TaskScheduler.Default)));
        Assert.DoesNotContain("k", n1.Tracker.List("t").Select(e => e.Key));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_farewell_that_fails_or_hangs_does_not_keep_the_member_from_stopping(bool hangs)
    {
        await using var cluster = new TestCluster();
        var link = new TamperedLink(cluster.Engine.CreateLink("n0"))
        {
            OnAsk = (_, _) => hangs ? new ValueTask<bool>(new TaskCompletionSource<bool>().Task) : throw new InvalidTimeZoneException(),
        };
        var drained = 0;
        var n0 = await cluster.AddAsync(
            "n0",
            o => o.FarewellTimeout = TimeSpan.FromMilliseconds(50),
            link,
            s => s.AddSingleton<IDrainStep>(new DrainStep(() => drained++)));
        await cluster.AddAsync("n1");
        await TestCluster.UntilMembersAsync(cluster, 2);
        await cluster.StopAsync(0).WaitAsync(TestTimeout);
        Assert.Equal((NodeState.Stopped, 1), (n0.State, drained));
    }

    [Fact]
    public async Task Garbage_is_counted_each_time_and_logged_once_in_a_while()
    {
        var time = new FakeTimeProvider();
        await using var cluster = new TestCluster(time);
        var log = new FakeLogger<PresenceNode>();
        var n0 = await cluster.AddAsync("n0", more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        using var drops = new Counted("presence.frames.dropped", "undecodable");
        void Flood()
        {
            for (var i = 0; i < 1000; i++)
            {
                n0.Received("n9", new LinkFrame("presence", 0, new byte[] { 255, 1, 2 }));
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
}
