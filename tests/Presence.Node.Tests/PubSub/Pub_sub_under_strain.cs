namespace Presence.Node.Tests.PubSub;

public sealed class Pub_sub_under_strain
{
    [Fact]
    public async Task A_message_sent_inside_a_subscriber_comes_after_the_one_it_answers_everywhere()
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
    public async Task Many_senders_at_once_are_heard_in_each_senders_order()
    {
        await using var cluster = await TestCluster.OfAsync(3);
        var heard = new Dictionary<byte, byte>();
        var disorder = 0;
        using var all = new CountdownEvent(800);
        cluster[2].PubSub.Subscribe("t", m =>
        {
            lock (heard)
            {
                var (writer, number) = (m.Body.Span[0], m.Body.Span[1]);
                disorder += number == heard.GetValueOrDefault(writer) + 1 ? 0 : 1;
                heard[writer] = number;
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
    public async Task A_sender_that_is_gone_cannot_be_heard_again_and_its_successor_is()
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0");
        var heard = new List<byte>();
        node.PubSub.Subscribe("t", m => heard.Add(m.Body.Span[0]));
        void Receive(byte body, ulong incarnation, ulong sequence) => node.Received("x", new LinkFrame(
            "pubsub", 0, PubSubCodec.Encode(new PubSubMessage("t", "e", new[] { body }), incarnation, sequence)));
        Receive(1, 5, 1);
        node.MemberGone("x", 5);
        Receive(1, 5, 1);
        Receive(2, 5, 2);
        Receive(3, 6, 1);
        // The word that the former incarnation is gone comes late.
        node.MemberGone("x", 5);
        Receive(3, 6, 1);
        Receive(4, 6, 2);
        Assert.Equal<byte>([1, 3, 4], heard);
    }

    [Fact]
    public async Task What_breaks_the_limits_is_not_delivered_whoever_sent_it()
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0", o => o.MaxMessageBytes = 10);
        using var drops = new Counted("presence.frames.dropped");
        var heard = 0;
        node.PubSub.Subscribe("t", _ => heard++);
        ulong sequence = 0;
        void Receive(string topic, string @event, int size, int spoil = -1)
        {
            var bytes = PubSubCodec.Encode(new PubSubMessage(topic, @event, new byte[size]), 5, ++sequence);
            if (spoil >= 0)
            {
                bytes[spoil] = 0xFF;
            }

            node.Received("x", new LinkFrame("pubsub", 0, bytes));
        }

        Receive("t", "", 1);
        Receive("", "e", 1);
        Receive("t", "e", 11);
        Receive(new string('t', 256), "e", 1);
        Receive("t", "e", 1, spoil: 22);
        Receive("t", "e", 1, spoil: 0);
        Assert.Equal(0, heard);
        Assert.InRange(drops.Sum, 6, long.MaxValue);
        Receive("t", "e", 10);
        Assert.Equal(1, heard);
    }

    [Fact]
    public async Task A_subscriber_that_blocks_holds_up_no_other_sender_and_no_memory_beyond_the_bound()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        using var drops = new Counted("presence.frames.dropped", "pubsub_full");
        var (entered, go) = (new TaskCompletionSource(), new ManualResetEventSlim());
        var heard = 0;
        using var all = new CountdownEvent(1 + 10_000);
        using var subscription = cluster[0].PubSub.Subscribe("t", _ =>
        {
            entered.TrySetResult();
            go.Wait(TestTimeout);
            heard++;
            all.Signal();
        });
        var blocked = Task.Factory.StartNew(
            () => cluster[0].PubSub.BroadcastLocal(new PubSubMessage("t", "first", default)), TaskCreationOptions.LongRunning);
        await entered.Task.WaitAsync(TestTimeout);
        for (var i = 0; i < 10_005; i++)
        {
            cluster[0].PubSub.BroadcastLocal(new PubSubMessage("t", "e", default));
        }

        Assert.Equal(5, drops.Sum);
        go.Set();
        await blocked.WaitAsync(TestTimeout);
        Assert.True(all.Wait(TestTimeout));
        Assert.Equal(10_001, heard);
    }

    [Fact]
    public async Task A_topic_that_is_no_text_is_refused()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        Assert.Throws<ArgumentException>(
            () => cluster[0].PubSub.Broadcast(new PubSubMessage("half of a pair \ud83d", "e", default)));
    }

    [Fact]
    public async Task A_hundred_thousand_topics_come_and_go_without_a_trace()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var heard = 0;
        var subscriptions = Enumerable.Range(0, 100_000)
            .Select(i => cluster[0].PubSub.Subscribe($"t{i}", _ => heard++)).ToList();
        for (var i = 0; i < 100_000; i += 1000)
        {
            cluster[0].PubSub.Broadcast(new PubSubMessage($"t{i}", "e", default));
        }

        Assert.Equal(100, heard);
        subscriptions.ForEach(s => s.Dispose());
        cluster[0].PubSub.Broadcast(new PubSubMessage("t0", "e", default));
        Assert.Equal((100, 0), (heard, ((ClusterPubSub)cluster[0].PubSub).Topics));
    }

    [Fact]
    public async Task A_link_that_throws_does_not_keep_a_message_from_those_who_are_here()
    {
        await using var cluster = new TestCluster();
        var link = new TamperedLink(cluster.Engine.CreateLink("n0")) { OnSend = f => f.Channel == "pubsub" ? throw new InvalidTimeZoneException() : true };
        var node = await cluster.AddAsync("n0", link: link);
        var heard = 0;
        node.PubSub.Subscribe("t", _ => heard++);
        node.PubSub.Broadcast(new PubSubMessage("t", "e", default));
        Assert.Equal(1, heard);
    }
}
