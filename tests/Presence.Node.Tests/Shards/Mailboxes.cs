namespace Presence.Node.Tests.Shards;

public sealed class Mailboxes
{
    private static readonly PresenceMeta V1 = PresenceMeta.Parse("""{"v":1}""");
    private static readonly PresenceMeta V2 = PresenceMeta.Parse("""{"v":2}""");

    [Fact]
    public async Task On_an_idle_shard_a_call_is_complete_when_it_returns()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new FakeTimeProvider());
        var process = cluster[0].StartProcess();
        Assert.True(cluster.Tracker(0).TrackAsync(process, "t", "k").AsTask().IsCompletedSuccessfully);
        Assert.True(cluster.Tracker(0).UpdateAsync(process, "t", "k", V1).AsTask().IsCompletedSuccessfully);
        Assert.True(cluster.Tracker(0).UntrackAsync(process, "t", "k").AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task What_came_while_several_shards_were_changed_is_not_left_waiting()
    {
        // Time stands still, so no tick comes to the rescue.
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 8, new FakeTimeProvider());
        var (tracker, process) = cluster.First();
        var waiting = new List<Task<PresenceEntry>>();
        ShardHost.Exclusively(((PresenceTracker)tracker).Hosts, () =>
        {
            var others = Task.Run(() => waiting.AddRange(
                Enumerable.Range(0, 20).Select(i => tracker.TrackAsync(process, $"t{i}", "other").AsTask())));
            return others.Wait(TestTimeout);
        });
        Assert.Equal(20, waiting.Count);
        await Task.WhenAll(waiting).WaitAsync(TestTimeout);
        Assert.Equal(20, tracker.TopicsOf("other").Count);
    }

    [Fact]
    public async Task A_change_of_many_does_not_overtake_the_same_callers_earlier_change()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 8, new FakeTimeProvider());
        var (tracker, process) = cluster.First();
        var requests = Enumerable.Range(0, 20).Select(i => new TrackRequest($"t{i}", "k", V2)).ToArray();
        await tracker.TrackManyAsync(process, requests);
        using var held = new HeldShard(cluster[0], "t0");
        var first = tracker.UpdateAsync(process, "t0", "k", V1);
        var many = Task.Run(async () => await tracker.UpdateManyAsync(process, requests));
        held.LetGo();
        await first;
        await many.WaitAsync(TestTimeout);
        Assert.Equal(V2.ToString(), tracker.GetByKey("t0", "k")[0].Meta.ToString());
    }

    [Fact]
    public async Task Frames_that_wait_behind_each_other_change_a_topic_together_and_in_order()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new FakeTimeProvider());
        var tracker = cluster.Tracker(0);
        var diffs = new List<TopicDiff>();
        using var subscription = tracker.Subscribe("t", diffs.Add);
        using var held = new HeldShard(cluster[0], "held");
        foreach (var body in FramesOfFiveJoins())
        {
            ((IClusterReceiver)cluster[0]).Received("other", new LinkFrame(PresenceOptions.DefaultTracker, 0, body));
            // What is broken is dropped before it waits, and harms no other.
            ((IClusterReceiver)cluster[0]).Received("other", new LinkFrame(PresenceOptions.DefaultTracker, 0, body.AsMemory(0, body.Length - 1)));
        }

        Assert.Equal(0, tracker.Count("t"));
        held.LetGo();
        await tracker.TrackAsync(cluster[0].StartProcess(), "t", "last");
        Assert.Equal(["k1", "k2", "k3", "k4", "k5", "last"], tracker.List("t").Select(e => e.Key));
        await tracker.DeliveredAsync();
        Assert.Equal([5, 1], diffs.Select(diff => diff.Changes.Count));
    }

    [Fact]
    public async Task A_callback_may_change_many_over_several_shards()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 8, new FakeTimeProvider());
        var (tracker, process) = cluster.First();
        var requests = Enumerable.Range(0, 20).Select(i => new TrackRequest($"t{i}", "many")).ToArray();
        Task? many = null;
        using var subscription = tracker.Subscribe("t0", _ => many ??= tracker.TrackManyAsync(process, requests).AsTask());
        await tracker.TrackAsync(process, "t0", "k");
        await tracker.DeliveredAsync();
        await many!.WaitAsync(TestTimeout);
        Assert.Equal(20, tracker.TopicsOf("many").Count);
    }

    [Fact]
    public async Task A_caller_works_for_others_for_a_short_time_only()
    {
        var time = new FakeTimeProvider();
        await using var cluster = await TestCluster.OfAsync(1, time: time);
        var (tracker, process) = cluster.First();
        await tracker.TrackAsync(process, "t", "k");
        using var held = new HeldShard(cluster[0], "t");
        var threads = new List<int>();
        var host = ((PresenceTracker)tracker).HostOf("t");
        var slow = Enumerable.Range(0, 50).Select(_ => host.Execute<ActionCommand, bool>(new ActionCommand((_, _, _) =>
        {
            threads.Add(Environment.CurrentManagedThreadId);
            time.Advance(TimeSpan.FromMilliseconds(10));
        })).AsTask()).ToArray();
        held.LetGo();
        await Task.WhenAll(slow).WaitAsync(TestTimeout);
        Assert.Equal(50, threads.Count);
        Assert.InRange(threads.Count(t => t == held.ThreadId), 0, 2);
    }

    [Fact]
    public async Task A_subscription_made_inside_a_callback_is_not_told_what_its_snapshot_holds()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new FakeTimeProvider());
        var (tracker, process) = cluster.First();
        TopicSubscription? inner = null;
        var told = 0;
        using var outer = tracker.Subscribe("a", _ => inner ??= tracker.Subscribe("b", _ => told++));
        await tracker.TrackManyAsync(process, [new TrackRequest("a", "k"), new TrackRequest("b", "k")]);
        await tracker.DeliveredAsync();
        Assert.Equal((1, 0), (inner!.Snapshot.Count, told));
        await tracker.TrackAsync(process, "b", "k2");
        await tracker.DeliveredAsync();
        Assert.Equal(1, told);
        inner.Dispose();
    }

    [Fact]
    public async Task Frames_that_meet_a_full_mailbox_are_dropped_and_repaired()
    {
        await using var cluster = new TestCluster();
        var sender = await cluster.AddAsync("n0", o => o.Tracker.DeltaDelay = TimeSpan.Zero);
        await cluster.AddAsync("n1", o => o.MailboxCapacity = 16);
        await TestCluster.UntilMembersAsync(cluster, 2);
        using var held = new HeldShard(cluster[1], "t");
        using var drops = new Counted("presence.frames.dropped", "mailbox_full");
        var process = sender.StartProcess();
        for (var i = 0; i < 500; i++)
        {
            await sender.Tracker.TrackAsync(process, "t", $"k{i}");
        }

        await drops.UntilAsync(1);
        held.LetGo();
        var tracker = cluster.Tracker(1);
        await TestCluster.UntilAsync(tracker, () => tracker.Count("t") == 501, "all 500 and the holder are there");
    }

    [Fact]
    public async Task Processes_of_two_members_of_one_program_are_never_taken_for_each_other()
    {
        await using var cluster = await TestCluster.OfAsync(2, time: new FakeTimeProvider());
        var here = cluster[0].StartProcess();
        var there = cluster[1].StartProcess();
        await cluster.Tracker(0).TrackAsync(here, "t", "here");
        await cluster.Tracker(0).TrackAsync(there, "t", "there");
        there.End();
        Assert.Equal(["here"], cluster.Tracker(0).List("t").Select(e => e.Key));
    }

    [Fact]
    public async Task Ending_all_presences_goes_on_past_a_shard_that_refuses()
    {
        await using var cluster = await TestCluster.OfAsync(
            1, o => (o.Tracker.PoolSize, o.MailboxCapacity) = (8, 16), new FakeTimeProvider());
        var tracker = cluster.Tracker(0);
        var (process, other) = (cluster[0].StartProcess(), cluster[0].StartProcess());
        await tracker.TrackManyAsync(process, [.. Enumerable.Range(0, 40).Select(i => new TrackRequest($"t{i}", "k"))]);
        using var held = new HeldShard(cluster[0], "t0");
        var waiting = Enumerable.Range(0, 16).Select(i => tracker.TrackAsync(other, "t0", $"k{i}").AsTask()).ToArray();
        await Assert.ThrowsAsync<PresenceOverloadException>(async () => await tracker.UntrackAllAsync(process));
        var left = tracker.TopicsOf("k");
        Assert.Contains("t0", left);
        held.LetGo();
        await Task.WhenAll(waiting);
        Assert.Equal(left.Count, await tracker.UntrackAllAsync(process));
        Assert.InRange(left.Count, 1, 12);
    }

    /// <summary>A frame for each join of k1 to k5 in topic t at another member.</summary>
    private static List<byte[]> FramesOfFiveJoins()
    {
        var effects = new ShardEffects();
        var other = new TrackerShard(new ReplicaId("other", 1), 0, new TrackerOptions(), new PresenceLimits(), 77);
        other.Start(TimeSpan.Zero, effects);
        // Who hears nobody sends nothing.
        other.Receive(TimeSpan.Zero, new HeartbeatFrame(new Sender(new ReplicaId("third", 1), 1, 78, 1, 0), []), effects);
        effects.Clear();
        for (var number = 1; number <= 5; number++)
        {
            other.Track(TimeSpan.FromMilliseconds(100 * number), 9, "t", $"k{number}", V1, effects);
        }

        var frames = effects.Frames.Where(f => f.Frame is DeltaFrame).Select(f => ShardFrameCodec.Encode(f.Frame)).ToList();
        Assert.Equal(5, frames.Count);
        return frames;
    }
}
