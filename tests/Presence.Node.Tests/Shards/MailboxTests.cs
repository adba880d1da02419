using System.Collections.Concurrent;
using System.Diagnostics;
using Presence.Node.Shards;
using Presence.Node.Telemetry;
using Presence.Node.Trackers;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Node.Tests.Shards;

public sealed class MailboxTests
{
    private static readonly PresenceMeta V1 = PresenceMeta.Parse("""{"v":1}""");
    private static readonly PresenceMeta V2 = PresenceMeta.Parse("""{"v":2}""");

    [Fact]
    public async Task Call_on_an_idle_shard_completes_synchronously()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new TestTime());
        var session = cluster[0].OpenSession();
        Assert.True(cluster.Tracker(0).TrackAsync(session, "t", "k").AsTask().IsCompletedSuccessfully);
        Assert.True(cluster.Tracker(0).UpdateAsync(session, "t", "k", V1).AsTask().IsCompletedSuccessfully);
        Assert.True(cluster.Tracker(0).UntrackAsync(session, "t", "k").AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Commands_that_arrive_during_a_multi_shard_change_are_not_left_waiting()
    {
        // Time is frozen, so that no tick drains the mailbox.
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 8, new TestTime());
        var (tracker, session) = cluster.First();
        var waiting = new List<Task<PresenceEntry>>();
        ShardHost.WithLock(((PresenceTracker)tracker).Hosts, () =>
        {
            var others = Task.Run(() => waiting.AddRange(
                Enumerable.Range(0, 20).Select(i => tracker.TrackAsync(session, $"t{i}", "other").AsTask())));
            return others.Wait(TestTimeout);
        });
        Assert.Equal(20, waiting.Count);
        await Task.WhenAll(waiting).WaitAsync(TestTimeout);
        Assert.Equal(20, tracker.TopicsOf("other").Count);
    }

    [Fact]
    public async Task Multi_shard_change_does_not_overtake_an_earlier_change_of_its_caller()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 8, new TestTime());
        var (tracker, session) = cluster.First();
        var requests = Enumerable.Range(0, 20).Select(i => new TrackRequest($"t{i}", "k", V2)).ToArray();
        await tracker.TrackManyAsync(session, requests);
        using var held = new HeldShard(cluster[0], "t0");
        var first = tracker.UpdateAsync(session, "t0", "k", V1);
        var many = Task.Run(async () => await tracker.UpdateManyAsync(session, requests));
        held.Release();
        await first;
        await many.WaitAsync(TestTimeout);
        Assert.Equal(V2.ToString(), tracker.GetByKey("t0", "k")[0].Meta.ToString());
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("nonsense", false)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true)]
    public async Task Frames_are_applied_whatever_trace_context_they_name(string? traceParent, bool isTraced)
    {
        var merges = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == PresenceTelemetry.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                // Other tests are traced too.
                if (activity.OperationName == NodeActivities.Merge
                    && $"{activity.TraceId}" == "0af7651916cd43dd8448eb211c80319c")
                {
                    merges.Enqueue(activity);
                }
            },
        };
        await using var cluster = await TestCluster.OfAsync(1, time: new TestTime());
        var frames = FramesOfFiveJoins().ToList();
        ActivitySource.AddActivityListener(listener);
        using (new HeldShard(cluster[0], "held"))
        {
            foreach (var body in frames)
            {
                ((IClusterTransportReceiver)cluster[0]).OnFrame(
                    "other",
                    new ClusterFrame(PresenceOptions.DefaultTracker, 0, body) { TraceParent = traceParent });
            }
        }

        await cluster.Tracker(0).TrackAsync(cluster[0].OpenSession(), "t", "last");
        Assert.Equal(6, cluster.Tracker(0).Count("t"));
        Assert.Equal(isTraced ? [4] : [], merges.Select(merge => merge.Links.Count()));
    }

    [Fact]
    public async Task Adjacent_frames_are_applied_as_one_batch_in_order()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new TestTime());
        var tracker = cluster.Tracker(0);
        var diffs = new List<TopicDiff>();
        using var subscription = tracker.Subscribe("t", diffs.Add);
        using var held = new HeldShard(cluster[0], "held");
        foreach (var body in FramesOfFiveJoins())
        {
            ((IClusterTransportReceiver)cluster[0]).OnFrame(
                "other", new ClusterFrame(PresenceOptions.DefaultTracker, 0, body));
            // A malformed frame is dropped before the mailbox and affects no other.
            ((IClusterTransportReceiver)cluster[0]).OnFrame(
                "other", new ClusterFrame(PresenceOptions.DefaultTracker, 0, body.AsMemory(0, body.Length - 1)));
        }

        Assert.Equal(0, tracker.Count("t"));
        held.Release();
        await tracker.TrackAsync(cluster[0].OpenSession(), "t", "last");
        Assert.Equal(["k1", "k2", "k3", "k4", "k5", "last"], tracker.List("t").Select(e => e.Key));
        await tracker.DeliveredAsync();
        Assert.Equal([5, 1], diffs.Select(diff => diff.Changes.Count));
    }

    [Fact]
    public async Task Callback_may_change_several_shards()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 8, new TestTime());
        var (tracker, session) = cluster.First();
        var requests = Enumerable.Range(0, 20).Select(i => new TrackRequest($"t{i}", "many")).ToArray();
        Task? many = null;
        using var subscription = tracker.Subscribe(
            "t0", _ => many ??= tracker.TrackManyAsync(session, requests).AsTask());
        await tracker.TrackAsync(session, "t0", "k");
        await tracker.DeliveredAsync();
        await many!.WaitAsync(TestTimeout);
        Assert.Equal(20, tracker.TopicsOf("many").Count);
    }

    [Fact]
    public async Task Caller_runs_commands_of_others_for_a_short_time_only()
    {
        var time = new TestTime();
        await using var cluster = await TestCluster.OfAsync(1, time: time);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, "t", "k");
        using var held = new HeldShard(cluster[0], "t");
        var threads = new List<int>();
        var host = ((PresenceTracker)tracker).HostOf("t");
        var slow = Enumerable.Range(0, 50).Select(_ => host.Execute<ActionCommand, bool>(new ActionCommand((_, _, _) =>
        {
            threads.Add(Environment.CurrentManagedThreadId);
            time.Advance(TimeSpan.FromMilliseconds(10));
        })).AsTask()).ToArray();
        held.Release();
        await Task.WhenAll(slow).WaitAsync(TestTimeout);
        Assert.Equal(50, threads.Count);
        Assert.InRange(threads.Count(t => t == held.ThreadId), 0, 2);
    }

    [Fact]
    public async Task Subscription_created_inside_a_callback_gets_no_diff_that_its_snapshot_contains()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new TestTime());
        var (tracker, session) = cluster.First();
        TopicSubscription? inner = null;
        var calls = 0;
        using var outer = tracker.Subscribe("a", _ => inner ??= tracker.Subscribe("b", _ => calls++));
        await tracker.TrackManyAsync(session, [new TrackRequest("a", "k"), new TrackRequest("b", "k")]);
        await tracker.DeliveredAsync();
        Assert.Equal((1, 0), (inner!.Snapshot.Count, calls));
        await tracker.TrackAsync(session, "b", "k2");
        await tracker.DeliveredAsync();
        Assert.Equal(1, calls);
        inner.Dispose();
    }

    [Fact]
    public async Task Frames_for_a_full_mailbox_are_dropped_and_repaired()
    {
        await using var cluster = new TestCluster();
        var sender = await cluster.AddAsync("n0", o => o.Tracker.DeltaDelay = TimeSpan.Zero);
        await cluster.AddAsync("n1", o => o.MailboxCapacity = 16);
        await TestCluster.UntilNodesAsync(cluster, 2);
        using var held = new HeldShard(cluster[1], "t");
        using var drops = new Counted("presence.frames.dropped", "mailbox_full");
        var session = sender.OpenSession();
        for (var i = 0; i < 500; i++)
        {
            await sender.Tracker.TrackAsync(session, "t", $"k{i}");
        }

        await drops.UntilAsync(1);
        held.Release();
        var tracker = cluster.Tracker(1);
        await TestCluster.UntilAsync(tracker, () => tracker.Count("t") == 501, "all 500 and the holder are listed");
    }

    [Fact]
    public async Task Sessions_of_two_nodes_of_one_process_are_distinct()
    {
        await using var cluster = await TestCluster.OfAsync(2, time: new TestTime());
        var here = cluster[0].OpenSession();
        var there = cluster[1].OpenSession();
        await cluster.Tracker(0).TrackAsync(here, "t", "here");
        await cluster.Tracker(0).TrackAsync(there, "t", "there");
        there.End();
        Assert.Equal(["here"], cluster.Tracker(0).List("t").Select(e => e.Key));
    }

    [Fact]
    public async Task UntrackAll_continues_after_a_shard_that_rejects_it()
    {
        await using var cluster = await TestCluster.OfAsync(
            1, o => (o.Tracker.PoolSize, o.MailboxCapacity) = (8, 16), new TestTime());
        var tracker = cluster.Tracker(0);
        var (session, other) = (cluster[0].OpenSession(), cluster[0].OpenSession());
        await tracker.TrackManyAsync(session, [.. Enumerable.Range(0, 40).Select(i => new TrackRequest($"t{i}", "k"))]);
        using var held = new HeldShard(cluster[0], "t0");
        var waiting = Enumerable.Range(0, 16).Select(i => tracker.TrackAsync(other, "t0", $"k{i}").AsTask()).ToArray();
        await Assert.ThrowsAsync<PresenceOverloadException>(async () => await tracker.UntrackAllAsync(session));
        var left = tracker.TopicsOf("k");
        Assert.Contains("t0", left);
        held.Release();
        await Task.WhenAll(waiting);
        Assert.Equal(left.Count, await tracker.UntrackAllAsync(session));
        Assert.InRange(left.Count, 1, 12);
    }

    /// <summary>A frame for each join of k1 to k5 in topic t at another node.</summary>
    private static List<byte[]> FramesOfFiveJoins()
    {
        var effects = new ShardEffects();
        var other = new TrackerShard(new ReplicaId("other", 1), 0, new TrackerOptions(), new PresenceLimits(), 77);
        other.Start(TimeSpan.Zero, effects);
        // A shard without peers sends nothing.
        other.Receive(
            TimeSpan.Zero, new HeartbeatFrame(new Sender(new ReplicaId("third", 1), 1, 78, 1, 0), []), effects);
        effects.Clear();
        for (var number = 1; number <= 5; number++)
        {
            other.Track(TimeSpan.FromMilliseconds(100 * number), 9, "t", $"k{number}", V1, effects);
        }

        var frames = effects.Frames.Where(f => f.Frame is DeltaFrame).Select(f => ShardFrameCodec.Encode(f.Frame))
            .ToList();
        Assert.Equal(5, frames.Count);
        return frames;
    }
}
