namespace Presence.Node.Tests.Trackers;

public sealed class Members_together
{
    [Fact]
    public async Task A_killed_member_is_down_after_four_unanswered_probes_and_not_before_a_fifth_of_the_down_period()
    {
        var time = new FakeTimeProvider();
        await using var cluster = await TestCluster.OfAsync(2, time: time);
        await cluster.TrackAndSeeAsync();
        cluster.Engine.Kill("n0");
        LeaveReason? reason = null;
        using var subscription = cluster.Tracker(1).Subscribe("t", diff => reason = diff.Changes[0].Reason);
        // In steps: a jump would be taken for a pause of this very host.
        time.AdvanceInSteps(TimeSpan.FromSeconds(5));
        Assert.Equal(1, cluster.Tracker(1).Count("t"));
        time.AdvanceInSteps(TimeSpan.FromSeconds(5));
        await cluster.Tracker(1).DeliveredAsync();
        Assert.Equal(LeaveReason.NodeDown, reason);
        Assert.Equal("down", cluster[1].Members().Single(m => !m.Self).Status);
    }

    [Fact]
    public async Task Who_is_cut_off_from_the_engine_itself_holds_nobody_as_down_before_the_down_period_is_over()
    {
        var time = new FakeTimeProvider();
        await using var cluster = await TestCluster.OfAsync(1, time: time);
        var tampered = new TamperedLink(cluster.Engine.CreateLink("n1"));
        await cluster.AddAsync("n1", link: tampered);
        await cluster.TrackAndSeeAsync();
        cluster.Engine.Kill("n0");
        tampered.Status = new LinkStatus(false, time.GetUtcNow(), "away");
        time.AdvanceInSteps(TimeSpan.FromSeconds(29));
        Assert.Equal(1, cluster.Tracker(1).Count("t"));
        // Back, and nobody answers still: what was not answered meanwhile does not count.
        tampered.Status = new LinkStatus(true, time.GetUtcNow());
        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(1, cluster.Tracker(1).Count("t"));
        time.AdvanceInSteps(TimeSpan.FromSeconds(3));
        Assert.Equal(0, cluster.Tracker(1).Count("t"));
    }

    [Fact]
    public async Task Who_asks_through_an_engine_that_hangs_takes_no_answer_for_nobody()
    {
        var time = new FakeTimeProvider();
        await using var cluster = await TestCluster.OfAsync(1, time: time);
        var tampered = new TamperedLink(cluster.Engine.CreateLink("n1")) { Status = new LinkStatus(true, Carried: 7) };
        await cluster.AddAsync("n1", link: tampered);
        await cluster.TrackAndSeeAsync();
        cluster.Engine.Kill("n0");
        time.AdvanceInSteps(TimeSpan.FromSeconds(20));
        Assert.Equal(1, cluster.Tracker(1).Count("t"));
        // It goes on, and the questions are carried: now silence says something.
        var carried = 7;
        tampered.OnAsk = (_, cancellation) =>
        {
            tampered.Status = new LinkStatus(true, Carried: ++carried);
            return new(false);
        };
        time.AdvanceInSteps(TimeSpan.FromSeconds(8), () => cluster.Tracker(1).Count("t") == 0);
        Assert.True(carried >= 11, $"Four questions were to be carried, not {carried - 7}.");
        Assert.Equal(0, cluster.Tracker(1).Count("t"));
    }

    [Fact]
    public async Task A_cut_link_heals_and_both_sides_list_the_same()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        cluster.Engine.Reaches = (from, to) => (from, to) is not ("n0", "n1");
        var process = cluster[0].StartProcess();
        for (var i = 0; i < 50; i++)
        {
            await cluster.Tracker(0).TrackAsync(process, "t", $"k{i}");
        }

        Assert.Equal(0, cluster.Tracker(1).Count("t"));
        cluster.Engine.Reaches = (_, _) => true;
        await TestCluster.UntilAsync(cluster.Tracker(1), () => cluster.Tracker(1).Count("t") == 50, "all 50 are repaired");
    }

    [Fact]
    public async Task Concurrent_writers_on_three_members_end_alike_everywhere()
    {
        await using var cluster = await TestCluster.OfAsync(3);
        await Task.WhenAll(Enumerable.Range(0, 9).Select(w => Task.Run(async () =>
        {
            var node = cluster[w % 3];
            for (var i = 0; i < 300; i++)
            {
                var process = node.StartProcess();
                await node.Tracker.TrackAsync(process, $"t{i % 5}", $"w{w}-{i}");
                await node.Tracker.UpdateAsync(process, $"t{i % 5}", $"w{w}-{i}", PresenceMeta.Parse("""{"u":1}"""));
                if (i % 3 != 0)
                {
                    process.End();
                }
            }
        })));
        for (var member = 0; member < 3; member++)
        {
            var tracker = cluster.Tracker(member);
            await TestCluster.UntilAsync(tracker, () => Enumerable.Range(0, 5).Sum(t => tracker.Count($"t{t}")) == 900, "all 900 are listed");
        }

        for (var topic = 0; topic < 5; topic++)
        {
            var lists = Enumerable.Range(0, 3).Select(m => string.Join(" ", cluster.Tracker(m).List($"t{topic}").Select(e => e.Ref)));
            Assert.Single(lists.Distinct());
        }
    }

    [Fact]
    public async Task A_flooded_inbox_drops_frames_and_repair_brings_what_was_lost()
    {
        await using var cluster = new TestCluster(inboxCapacity: 1);
        await cluster.AddAsync("n0", o => o.Tracker.DeltaDelay = TimeSpan.Zero);
        await cluster.AddAsync("n1");
        var process = cluster[0].StartProcess();
        for (var i = 0; i < 2000; i++)
        {
            await cluster.Tracker(0).TrackAsync(process, "t", $"k{i}");
        }

        await TestCluster.UntilAsync(cluster.Tracker(1), () => cluster.Tracker(1).Count("t") == 2000, "all 2000 are there");
    }

    [Fact]
    public async Task Of_two_members_with_one_name_the_older_fails_and_asks_its_host_to_stop()
    {
        await using var cluster = new TestCluster();
        var first = new Relay("n0", 1);
        var second = new Relay("n0", 2);
        (first.Other, second.Other) = (second, first);
        var older = await cluster.AddAsync("older", link: first);
        var failed = new TaskCompletionSource();
        older.Failed += failed.SetResult;
        await cluster.AddAsync("newer", link: second);
        await failed.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(NodeState.Failed, older.State);
        Assert.Equal(NodeState.Ready, cluster[1].State);
    }

    [Fact]
    public async Task A_handler_of_a_failure_that_throws_harms_neither_the_process_nor_the_other_handlers()
    {
        await using var cluster = new TestCluster();
        var (first, second) = (new Relay("n0", 1), new Relay("n0", 2));
        (first.Other, second.Other) = (second, first);
        var log = new FakeLogger<PresenceNode>();
        var older = await cluster.AddAsync("older", link: first, more: s => s.AddSingleton<ILogger<PresenceNode>>(log));
        var failed = new TaskCompletionSource();
        older.Failed += () => throw new ObjectDisposedException("the host");
        older.Failed += failed.SetResult;
        await cluster.AddAsync("newer", link: second);
        await failed.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await log.UntilAsync("A handler of the failure of node n0 threw");
    }

    /// <summary>Two processes under one name whose frames reach each other, as on a network that nobody checks.</summary>
    private sealed class Relay(string name, ulong incarnation) : IClusterLink
    {
        private IClusterReceiver? _receiver;

        public Relay? Other { get; set; }

        public string NodeName => name;

        public ulong Incarnation => incarnation;

        public string Engine => "relay";

        public Task StartAsync(IClusterReceiver receiver, CancellationToken cancellation)
        {
            _receiver = receiver;
            return Task.CompletedTask;
        }

        public void Send(string member, LinkFrame frame) => Broadcast(frame);

        public void Broadcast(LinkFrame frame) => Other?._receiver?.Received(name, frame);

        public ValueTask<bool> AskAsync(string member, LinkFrame frame, CancellationToken cancellation) => new(false);

        public Task StopAsync(CancellationToken cancellation) => Task.CompletedTask;
    }
}
