using Presence.Node.PubSub;

namespace Presence.Node.Tests.PubSub;

public sealed class ClusterPubSubTests
{
    [Fact]
    public async Task Messages_of_a_node_arrive_on_every_node_in_the_order_sent()
    {
        await using var cluster = await TestCluster.OfAsync(3);
        var received = Enumerable.Range(0, 3).Select(_ => new List<byte>()).ToArray();
        var last = new CountdownEvent(3);
        for (var node = 0; node < 3; node++)
        {
            var list = received[node];
            cluster[node].PubSub.Subscribe("t", m =>
            {
                list.Add(m.Body.Span[0]);
                if (m.Body.Span[0] == 99)
                {
                    last.Signal();
                }
            });
        }

        for (byte i = 0; i < 100; i++)
        {
            cluster[1].PubSub.Broadcast(new PubSubMessage("t", "e", new[] { i }));
        }

        Assert.True(last.Wait(TestTimeout));
        Assert.All(received, h => Assert.Equal(Enumerable.Range(0, 100).Select(i => (byte)i), h));
    }

    [Fact]
    public async Task Duplicate_and_late_messages_are_dropped_and_a_new_incarnation_is_accepted()
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0");
        var received = new List<string>();
        node.PubSub.Subscribe("t", m => received.Add($"{m.FromNode}{m.Body.Span[0]}"));
        void Receive(byte body, ulong incarnation, ulong sequence) => node.OnFrame("x", new ClusterFrame(
            "pubsub", 0, PubSubCodec.Encode(
                new PubSubMessage("t", "e", new[] { body }), new PubSubSource(incarnation, incarnation), sequence)));
        Receive(1, 5, 1);
        Receive(3, 5, 3);
        Receive(3, 5, 3);
        Receive(2, 5, 2);
        Receive(7, 6, 1);
        Receive(9, 5, 4);
        Assert.Equal(["x1", "x3", "x7"], received);
    }

    [Theory]
    [InlineData(4, "a clock that went back")]
    [InlineData(5, "a clock at the time of the start before")]
    [InlineData(6, "a later clock")]
    public async Task Messages_of_a_restarted_node_arrive_whatever_its_incarnation(ulong incarnation, string clock)
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0");
        var received = new List<byte>();
        node.PubSub.Subscribe("t", m => received.Add(m.Body.Span[0]));
        void Receive(byte body, PubSubSource source, ulong sequence) => node.OnFrame("x", new ClusterFrame(
            "pubsub", 0, PubSubCodec.Encode(new PubSubMessage("t", "e", new[] { body }), source, sequence)));
        Receive(1, new(5, Instance: 1), 1);
        Receive(2, new(5, Instance: 1), 2);
        foreach (byte body in (byte[])[3, 4, 5])
        {
            Receive(body, new(incarnation, Instance: 2), body - 2UL);
            Receive(body, new(incarnation, Instance: 2), body - 2UL);
        }

        Assert.True(received.SequenceEqual(new byte[] { 1, 2, 3, 4, 5 }), $"{clock}: {string.Join(",", received)}");
        node.OnNodeRemoved("x", 7);
        Receive(6, new(incarnation, Instance: 2), 4);
        Receive(7, new(1, Instance: 3), 1);
        Assert.Equal<byte>([1, 2, 3, 4, 5, 7], received);
    }

    [Fact]
    public async Task Number_of_remembered_senders_is_bounded_when_pods_with_new_names_come_and_go()
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0");
        var received = 0;
        node.PubSub.Subscribe("t", _ => received++);
        var frame = new ClusterFrame("pubsub", 0, PubSubCodec.Encode(
            new PubSubMessage("t", "e", new byte[] { 1 }), new PubSubSource(1, Instance: 1), sequence: 1));
        node.OnFrame("stays", frame);
        for (var pod = 0; pod < 5000; pod++)
        {
            node.OnFrame($"pod{pod}", frame);
            node.OnNodeRemoved($"pod{pod}", 1);
        }

        Assert.InRange(Assert.IsType<ClusterPubSub>(node.PubSub).Senders, 2, 4096);

        // What a node sent that is not removed is still known: this repetition is dropped.
        node.OnFrame("stays", frame);
        Assert.Equal(5001, received);
    }

    [Fact]
    public async Task Local_messages_stay_on_their_node()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        var there = 0;
        var done = new TaskCompletionSource();
        cluster[1].PubSub.Subscribe("t", m =>
        {
            there++;
            done.SetResult();
        });
        cluster[0].PubSub.BroadcastLocal(new PubSubMessage("t", "local", default));
        cluster[0].PubSub.Broadcast(new PubSubMessage("t", "all", default));
        await done.Task.WaitAsync(TestTimeout);
        Assert.Equal(1, there);
    }

    [Fact]
    public async Task Empty_or_oversized_messages_are_rejected()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.MaxMessageBytes = 10);
        var pubSub = cluster[0].PubSub;
        Assert.Throws<PresenceLimitException>(() => pubSub.Broadcast(new PubSubMessage("", "e", default)));
        Assert.Throws<PresenceLimitException>(() => pubSub.Broadcast(new PubSubMessage("t", "", default)));
        Assert.Throws<PresenceLimitException>(
            () => pubSub.Broadcast(new PubSubMessage(new string('t', 256), "e", default)));
        Assert.Throws<PresenceLimitException>(() => pubSub.Broadcast(new PubSubMessage("t", "e", new byte[11])));
    }

    [Fact]
    public async Task Disposed_subscriber_receives_nothing_and_a_throwing_one_affects_no_other()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var received = 0;
        var disposed = cluster[0].PubSub.Subscribe("t", _ => received += 100);
        using var bad = cluster[0].PubSub.Subscribe("t", _ => throw new InvalidTimeZoneException());
        using var good = cluster[0].PubSub.Subscribe("t", _ => received++);
        disposed.Dispose();
        disposed.Dispose();
        cluster[0].PubSub.Broadcast(new PubSubMessage("t", "e", default));
        Assert.Equal(1, received);
    }

    [Fact]
    public void Encoded_message_is_compatible_with_other_versions() => Assert.Equal(
        "010105000000000000000900000000000000070000000000000006000200726F6F6DC3A96F6BFF",
        Convert.ToHexString(
            PubSubCodec.Encode(new PubSubMessage("roomé", "ok", new byte[] { 255 }, IsBinary: true), new(5, 9), 7)));

    [Fact]
    public async Task Garbage_from_the_transport_is_dropped()
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0");
        var random = new Random(1);
        for (var i = 0; i < 1000; i++)
        {
            var bytes = new byte[random.Next(60)];
            random.NextBytes(bytes);
            node.OnFrame("x", new ClusterFrame("pubsub", 0, bytes));
            node.OnFrame("x", new ClusterFrame("presence", random.Next(3) - 1, bytes));
            node.OnFrame("x", new ClusterFrame("unknown", 0, bytes));
        }

        await node.Tracker.TrackAsync(node.OpenSession(), "t", "k");
        Assert.Equal(1, node.Tracker.Count("t"));
    }
}
