using System.Threading.Channels;

namespace Presence.Node.Tests.Shards;

/// <summary>Callbacks run with no lock held: they may call anything and delay only their shard.</summary>
public sealed class CallbackTests
{
    [Fact]
    public async Task Pub_sub_and_tracker_callbacks_may_wait_for_each_other()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new TestTime());
        var node = cluster[0];
        var session = node.OpenSession();
        using var both = new Barrier(2);
        node.PubSub.Subscribe("p", _ =>
        {
            both.SignalAndWait(TestTimeout);
            node.Tracker.Subscribe("t", _ => { }).Dispose();
            both.SignalAndWait(TestTimeout);
        });
        using var subscription = node.Tracker.Subscribe("t", _ =>
        {
            both.SignalAndWait(TestTimeout);
            node.PubSub.BroadcastLocal(new PubSubMessage("p2", "e", default));
            both.SignalAndWait(TestTimeout);
        });
        var sent = Task.Factory.StartNew(
            () => node.PubSub.Broadcast(new PubSubMessage("p", "e", default)), TaskCreationOptions.LongRunning);
        await node.Tracker.TrackAsync(session, "t", "k").AsTask().WaitAsync(TestTimeout);
        await Task.WhenAll(sent, node.Tracker.DeliveredAsync()).WaitAsync(TestTimeout);
        Assert.Equal(1, node.Tracker.Count("t"));
    }

    [Fact]
    public async Task Callbacks_of_two_shards_may_wait_for_each_other()
    {
        await using var cluster = await OfEightShardsAsync();
        var (tracker, session) = cluster.First();
        var (one, two) = (TopicOf(tracker, 0), TopicOf(tracker, 1));
        using var both = new Barrier(2);
        Action<TopicDiff> CallsInto(string other) => _ =>
        {
            both.SignalAndWait(TestTimeout);
            tracker.Subscribe(other, _ => { }).Dispose();
            tracker.Replicas();
            cluster[0].Nodes();
            tracker.TrackManyAsync(
                cluster[0].OpenSession(), [new(one, other), new(two, other)]).AsTask().Wait(TestTimeout);
            both.SignalAndWait(TestTimeout);
        };
        var t1 = tracker.Subscribe(one, Once(CallsInto(two)));
        var t2 = tracker.Subscribe(two, Once(CallsInto(one)));
        foreach (var topic in new[] { one, two })
        {
            await tracker.TrackAsync(session, topic, "k").AsTask().WaitAsync(TestTimeout);
        }

        await tracker.DeliveredAsync().WaitAsync(TestTimeout);
        t1.Dispose();
        t2.Dispose();
        Assert.Equal((3, 3), (tracker.Count(one), tracker.Count(two)));
    }

    [Fact]
    public async Task Blocking_callback_delays_the_notifications_of_its_shard_and_nothing_else()
    {
        await using var cluster = await OfEightShardsAsync();
        var (tracker, session) = cluster.First();
        var (one, two) = (TopicOf(tracker, 0), TopicOf(tracker, 1));
        using var go = new ManualResetEventSlim();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var blocked = tracker.Subscribe(one, _ =>
        {
            entered.TrySetResult();
            go.Wait(TestTimeout);
        });
        var (neighbours, others) = (0, Channel.CreateUnbounded<TopicDiff>());
        using var neighbour = tracker.Subscribe(one, _ => neighbours++);
        using var other = tracker.Subscribe(two, diff => others.Writer.TryWrite(diff));
        await tracker.TrackAsync(session, one, "k");
        await entered.Task.WaitAsync(TestTimeout);
        await tracker.TrackAsync(session, one, "k2");
        await tracker.UpdateAsync(session, one, "k2", _ => PresenceMeta.Empty);
        await tracker.UntrackAsync(session, one, "k");
        await tracker.TrackManyAsync(session, [new(one, "many"), new(two, "many")]);
        using (var late = tracker.Subscribe(one, _ => { }))
        {
            Assert.Equal(["k2", "many"], late.Snapshot.Select(e => e.Key));
        }

        blocked.Dispose();
        Assert.Equal("many", (await others.Reader.ReadAsync().AsTask().WaitAsync(TestTimeout)).Changes[0].Entry.Key);
        Assert.Equal(0, neighbours);
        go.Set();
        await tracker.DeliveredAsync().WaitAsync(TestTimeout);
        Assert.Equal(5, neighbours);
    }

    [Fact]
    public async Task Callbacks_may_use_the_tracker_concurrently()
    {
        await using var cluster = await OfEightShardsAsync();
        var tracker = cluster.Tracker(0);
        var topics = Enumerable.Range(0, 8).Select(shard => TopicOf(tracker, shard)).ToArray();
        var (left, work) = (200, new ConcurrentBag<Task>());
        var inner = new ConcurrentQueue<TopicSubscription>();
        var subscriptions = topics.Select(topic => tracker.Subscribe(topic, diff =>
        {
            if (Interlocked.Decrement(ref left) < 0)
            {
                return;
            }

            var session = cluster[0].OpenSession();
            tracker.TrackManyAsync(
                session, [.. topics.Select(t => new TrackRequest(t, "many"))]).AsTask().Wait(TestTimeout);
            work.Add(tracker.UpdateAsync(session, topic, "many", _ => PresenceMeta.Parse("""{"v":1}""")).AsTask());
            work.Add(tracker.UntrackAsync(session, diff.Topic, "many").AsTask());
            inner.Enqueue(tracker.Subscribe(diff.Topic, _ => { }));
            if (inner.Count > 4 && inner.TryDequeue(out var other))
            {
                other.Dispose();
            }

            session.End();
        })).ToList();
        var last = cluster[0].OpenSession();
        foreach (var topic in topics)
        {
            await tracker.TrackAsync(last, topic, "last");
        }

        while (Volatile.Read(ref left) > 0)
        {
            await tracker.DeliveredAsync().WaitAsync(TestTimeout);
        }

        await tracker.DeliveredAsync().WaitAsync(TestTimeout);
        subscriptions.ForEach(s => s.Dispose());
        await Task.WhenAll(work.Select(w => w.ContinueWith(_ => { }, TaskScheduler.Default))).WaitAsync(TestTimeout);
        foreach (var topic in topics)
        {
            // Completes after everything that waited in the mailbox.
            await tracker.UpdateAsync(last, topic, "last", PresenceMeta.Empty);
            Assert.Equal(["last"], tracker.List(topic).Select(e => e.Key));
        }
    }

    [Fact]
    public async Task Dispose_stops_the_calls_wherever_it_is_called()
    {
        await using var cluster = await OfEightShardsAsync();
        var (tracker, session) = cluster.First();
        var calls = new int[4];
        TopicSubscription? self = null;
        self = tracker.Subscribe("t", _ =>
        {
            calls[0]++;
            self!.Dispose();
        });
        var other = tracker.Subscribe("t", _ => calls[1]++);
        using var disposer = tracker.Subscribe("t", _ =>
        {
            calls[2]++;
            other.Dispose();
        });
        await tracker.TrackAsync(session, "t", "k1");
        await tracker.TrackAsync(session, "t", "k2");
        await tracker.DeliveredAsync().WaitAsync(TestTimeout);
        Assert.Equal([1, 1, 2], calls[..3]);

        // Dispose waits neither in an update function nor while the shard is busy.
        var last = tracker.Subscribe("t", _ => calls[3]++);
        using (var held = new HeldShard(cluster[0], TopicOf(tracker, tracker.ShardOf("t"))))
        {
            last.Dispose();
            last.Dispose();
        }

        await tracker.UpdateAsync(session, "t", "k1", _ =>
        {
            disposer.Dispose();
            return PresenceMeta.Empty;
        });
        await tracker.DeliveredAsync().WaitAsync(TestTimeout);
        Assert.Equal([1, 1, 2, 0], calls);
    }

    [Fact]
    public async Task Update_function_may_use_the_tracker_and_gets_the_version_it_replaces()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new TestTime());
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, "t", "k", PresenceMeta.Parse("""{"v":0}"""));
        var seen = new List<string>();
        var entry = await tracker.UpdateAsync(session, "t", "k", present =>
        {
            seen.Add(present.Meta.ToString());
            using var subscription = tracker.Subscribe("t", _ => { });
            if (seen.Count == 1)
            {
                // Another update between the read and the write.
                tracker.UpdateAsync(session, "t", "k", PresenceMeta.Parse("""{"v":1}""")).AsTask().Wait(TestTimeout);
            }

            return PresenceMeta.Parse("""{"v":2}""");
        });
        Assert.Equal(["""{"v":0}""", """{"v":1}"""], seen);
        Assert.Equal("""{"v":2}""", entry.Meta.ToString());
    }

    [Fact]
    public async Task Handlers_may_dispose_each_other_inside_their_calls()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new TestTime());
        var tracker = cluster.Tracker(0);
        using var both = new Barrier(2);
        var ended = new[] { new TaskCompletionSource(), new TaskCompletionSource() };
        var handlers = new IAsyncDisposable[2];
        for (var i = 0; i < 2; i++)
        {
            var me = i;
            handlers[me] = await tracker.AddHandlerAsync(new Ends(async () =>
            {
                both.SignalAndWait(TestTimeout);
                await handlers[1 - me].DisposeAsync();
                ended[me].SetResult();
            }));
        }

        await tracker.TrackAsync(cluster[0].OpenSession(), "t", "k");
        await Task.WhenAll(ended.Select(e => e.Task)).WaitAsync(TestTimeout);
        await Task.WhenAll(handlers.Select(h => h.DisposeAsync().AsTask())).WaitAsync(TestTimeout);
    }

    private static Task<TestCluster> OfEightShardsAsync() =>
        TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 8, new TestTime());

    private static Action<TopicDiff> Once(Action<TopicDiff> callback)
    {
        var isDone = 0;
        return diff =>
        {
            if (Interlocked.Exchange(ref isDone, 1) == 0)
            {
                callback(diff);
            }
        };
    }

    private static string TopicOf(IPresenceTracker tracker, int shard) =>
        Enumerable.Range(0, 1000).Select(i => $"x{i}").First(topic => tracker.ShardOf(topic) == shard);

    private sealed class Ends(Func<Task> end) : IPresenceHandler
    {
        public async ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation) => await end();
    }
}
