using Presence.Node.PubSub;

namespace Presence.Node.Tests.PubSub;

public sealed class PubSubStressTests
{
    [Fact]
    public async Task Message_sent_inside_a_subscriber_arrives_after_the_one_it_answers_on_every_node()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        var (here, there) = (new List<string>(), new List<string>());
        var done = new TaskCompletionSource();
        cluster[0].PubSub.Subscribe("t", m =>
        {
            if (m.Event == "question")
            {
                cluster[0].PubSub.Broadcast(new PubSubMessage("t", "answer", default));
            }
        });
        cluster[0].PubSub.Subscribe("t", m => here.Add(m.Event));
        cluster[1].PubSub.Subscribe("t", m =>
        {
            there.Add(m.Event);
            if (there.Count == 2)
            {
                done.SetResult();
            }
        });
        cluster[0].PubSub.Broadcast(new PubSubMessage("t", "question", default));
        await done.Task.WaitAsync(TestTimeout);
        Assert.Equal(["question", "answer"], here);
        Assert.Equal(here, there);
    }

    [Fact]
    public async Task Concurrent_senders_keep_the_order_of_each_sender()
    {
        await using var cluster = await TestCluster.OfAsync(3);
        var received = new Dictionary<byte, byte>();
        var disorder = 0;
        using var all = new CountdownEvent(800);
        cluster[2].PubSub.Subscribe("t", m =>
        {
            lock (received)
            {
                var (writer, number) = (m.Body.Span[0], m.Body.Span[1]);
                disorder += number == received.GetValueOrDefault(writer) + 1 ? 0 : 1;
                received[writer] = number;
                all.Signal();
            }
        });
        await Task.WhenAll(Enumerable.Range(0, 8).Select(w => Task.Run(() =>
        {
            for (byte i = 1; i <= 100; i++)
            {
                cluster[w % 3].PubSub.Broadcast(new PubSubMessage("t", "e", new[] { (byte)w, i }));
            }
        })));
        Assert.True(all.Wait(TestTimeout));
        Assert.Equal(0, disorder);
    }

    [Fact]
    public async Task Removed_sender_is_ignored_and_its_successor_is_accepted()
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0");
        var received = new List<byte>();
        node.PubSub.Subscribe("t", m => received.Add(m.Body.Span[0]));
        void Receive(byte body, ulong incarnation, ulong sequence) => node.OnFrame("x", new ClusterFrame(
            "pubsub", 0, PubSubCodec.Encode(
                new PubSubMessage("t", "e", new[] { body }), new(incarnation, incarnation), sequence)));
        Receive(1, 5, 1);
        node.OnNodeRemoved("x", 5);
        Receive(1, 5, 1);
        Receive(2, 5, 2);
        Receive(3, 6, 1);
        // The removal of the former incarnation arrives late.
        node.OnNodeRemoved("x", 5);
        Receive(3, 6, 1);
        Receive(4, 6, 2);
        Assert.Equal<byte>([1, 3, 4], received);
    }

    [Fact]
    public async Task Messages_over_the_limits_are_not_delivered_from_any_sender()
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0", o => o.MaxMessageBytes = 10);
        using var drops = new Counted("presence.frames.dropped", node: node);
        var received = 0;
        node.PubSub.Subscribe("t", _ => received++);
        ulong sequence = 0;
        void Receive(string topic, string @event, int size, int corruptAt = -1)
        {
            var bytes = PubSubCodec.Encode(new PubSubMessage(topic, @event, new byte[size]), new(5, 5), ++sequence);
            if (corruptAt >= 0)
            {
                bytes[corruptAt] = 0xFF;
            }

            node.OnFrame("x", new ClusterFrame("pubsub", 0, bytes));
        }

        Receive("t", "", 1);
        Receive("", "e", 1);
        Receive("t", "e", 11);
        Receive(new string('t', 256), "e", 1);
        Receive("t", "e", 1, corruptAt: 30);
        Receive("t", "e", 1, corruptAt: 0);
        Assert.Equal(0, received);
        Assert.Equal(6, drops.Sum);
        Receive("t", "e", 10);
        Assert.Equal(1, received);
    }

    [Fact]
    public async Task Blocking_subscriber_delays_no_other_sender_and_bounds_memory()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        using var drops = new Counted("presence.frames.dropped", "pubsub_full", cluster[0]);
        var (entered, go) = (new TaskCompletionSource(), new ManualResetEventSlim());
        var received = 0;
        using var all = new CountdownEvent(1 + 10_000);
        using var subscription = cluster[0].PubSub.Subscribe("t", _ =>
        {
            entered.TrySetResult();
            go.Wait(TestTimeout);
            received++;
            all.Signal();
        });
        var blocked = Task.Factory.StartNew(
            () => cluster[0].PubSub.BroadcastLocal(new PubSubMessage("t", "first", default)),
            TaskCreationOptions.LongRunning);
        await entered.Task.WaitAsync(TestTimeout);
        for (var i = 0; i < 10_005; i++)
        {
            cluster[0].PubSub.BroadcastLocal(new PubSubMessage("t", "e", default));
        }

        Assert.Equal(5, drops.Sum);
        go.Set();
        await blocked.WaitAsync(TestTimeout);
        Assert.True(all.Wait(TestTimeout));
        Assert.Equal(10_001, received);
    }

    [Fact]
    public async Task Topic_with_invalid_Unicode_is_rejected()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        Assert.Throws<ArgumentException>(
            () => cluster[0].PubSub.Broadcast(new PubSubMessage("half of a pair \ud83d", "e", default)));
    }

    [Fact]
    public async Task Subscriptions_of_many_topics_leave_nothing_behind()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var received = 0;
        var subscriptions = Enumerable.Range(0, 100_000)
            .Select(i => cluster[0].PubSub.Subscribe($"t{i}", _ => received++)).ToList();
        for (var i = 0; i < 100_000; i += 1000)
        {
            cluster[0].PubSub.Broadcast(new PubSubMessage($"t{i}", "e", default));
        }

        Assert.Equal(100, received);
        subscriptions.ForEach(s => s.Dispose());
        cluster[0].PubSub.Broadcast(new PubSubMessage("t0", "e", default));
        Assert.Equal((100, 0), (received, ((ClusterPubSub)cluster[0].PubSub).Topics));
    }

    [Fact]
    public async Task Throwing_transport_does_not_prevent_local_delivery()
    {
        await using var cluster = new TestCluster();
        var transport = new TamperedTransport(cluster.InMemory.CreateTransport("n0"))
        {
            OnSend = f => f.Channel == "pubsub" ? throw new InvalidTimeZoneException() : true,
        };
        var node = await cluster.AddAsync("n0", transport: transport);
        var received = 0;
        node.PubSub.Subscribe("t", _ => received++);
        node.PubSub.Broadcast(new PubSubMessage("t", "e", default));
        Assert.Equal(1, received);
    }

    [Fact]
    public async Task Messages_beyond_the_bytes_of_the_queue_are_dropped_and_counted_and_later_ones_arrive()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.PubSubQueueMaxBytes = 1000);
        using var dropped = new Counted("presence.frames.dropped", "pubsub_full", cluster[0]);
        var pubSub = (ClusterPubSub)cluster[0].PubSub;
        var received = new Awaited<int>();
        using var entered = new ManualResetEventSlim();
        using var released = new ManualResetEventSlim();
        using var subscription = pubSub.Subscribe("t", message =>
        {
            entered.Set();
            released.Wait(TestTimeout);
            received.Add(message.Body.Length);
        });
        var handling = Task.Run(() => Broadcast(1));
        Assert.True(entered.Wait(TestTimeout));
        Broadcast(700);
        Assert.NotNull(pubSub.Congestion);
        Broadcast(300);
        Broadcast(299);
        Assert.Equal(1, dropped.Sum);
        Assert.Equal(1000, pubSub.WaitingBytes);
        var congestion = pubSub.Congestion;
        released.Set();
        await handling;
        await congestion!.WaitAsync(TestTimeout);
        await received.CountAsync(3);

        // One message of any size fits.
        Broadcast(5000);
        Assert.Equal([1, 700, 299, 5000], received.All);
        Assert.Equal((0, null), (pubSub.WaitingBytes, pubSub.Congestion));

        void Broadcast(int bytes) => pubSub.Broadcast(new PubSubMessage("t", "e", new byte[bytes], IsBinary: true));
    }
}
