namespace Presence.Node.Tests.PubSub;

public sealed class Cluster_pub_sub
{
    [Fact]
    public async Task Messages_of_one_member_arrive_everywhere_in_the_order_sent()
    {
        await using var cluster = await TestCluster.OfAsync(3);
        var heard = Enumerable.Range(0, 3).Select(_ => new List<byte>()).ToArray();
        var last = new CountdownEvent(3);
        for (var member = 0; member < 3; member++)
        {
            var list = heard[member];
            cluster[member].PubSub.Subscribe("t", m =>
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
        Assert.All(heard, h => Assert.Equal(Enumerable.Range(0, 100).Select(i => (byte)i), h));
    }

    [Fact]
    public async Task Duplicates_and_late_messages_are_dropped_and_a_new_incarnation_is_heard()
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0");
        var heard = new List<string>();
        node.PubSub.Subscribe("t", m => heard.Add($"{m.FromNode}{m.Body.Span[0]}"));
        void Receive(byte body, ulong incarnation, ulong sequence) => node.Received("x", new LinkFrame(
            "pubsub", 0, PubSubCodec.Encode(new PubSubMessage("t", "e", new[] { body }), incarnation, sequence)));
        Receive(1, 5, 1);
        Receive(3, 5, 3);
        Receive(3, 5, 3);
        Receive(2, 5, 2);
        Receive(9, 4, 10);
        Receive(7, 6, 1);
        Assert.Equal(["x1", "x3", "x7"], heard);
    }

    [Fact]
    public async Task Local_messages_stay_on_their_member()
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
    public async Task What_is_empty_or_too_large_is_refused()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.MaxMessageBytes = 10);
        var pubSub = cluster[0].PubSub;
        Assert.Throws<PresenceLimitException>(() => pubSub.Broadcast(new PubSubMessage("", "e", default)));
        Assert.Throws<PresenceLimitException>(() => pubSub.Broadcast(new PubSubMessage("t", "", default)));
        Assert.Throws<PresenceLimitException>(() => pubSub.Broadcast(new PubSubMessage(new string('t', 256), "e", default)));
        Assert.Throws<PresenceLimitException>(() => pubSub.Broadcast(new PubSubMessage("t", "e", new byte[11])));
    }

    [Fact]
    public async Task Who_unsubscribed_hears_nothing_and_who_throws_harms_nobody()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var heard = 0;
        var gone = cluster[0].PubSub.Subscribe("t", _ => heard += 100);
        using var bad = cluster[0].PubSub.Subscribe("t", _ => throw new InvalidTimeZoneException());
        using var good = cluster[0].PubSub.Subscribe("t", _ => heard++);
        gone.Dispose();
        gone.Dispose();
        cluster[0].PubSub.Broadcast(new PubSubMessage("t", "e", default));
        Assert.Equal(1, heard);
    }

    [Fact]
    public void The_bytes_of_a_message_are_those_that_other_versions_know() => Assert.Equal(
        "01010500000000000000070000000000000006000200726F6F6DC3A96F6BFF",
        Convert.ToHexString(PubSubCodec.Encode(new PubSubMessage("roomé", "ok", new byte[] { 255 }, IsBinary: true), 5, 7)));

    [Fact]
    public async Task Garbage_from_the_link_is_dropped()
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0");
        var random = new Random(1);
        for (var i = 0; i < 1000; i++)
        {
            var bytes = new byte[random.Next(60)];
            random.NextBytes(bytes);
            node.Received("x", new LinkFrame("pubsub", 0, bytes));
            node.Received("x", new LinkFrame("presence", random.Next(3) - 1, bytes));
            node.Received("x", new LinkFrame("nobody", 0, bytes));
        }

        await node.Tracker.TrackAsync(node.StartProcess(), "t", "k");
        Assert.Equal(1, node.Tracker.Count("t"));
    }
}
