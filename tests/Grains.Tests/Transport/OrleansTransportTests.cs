namespace Presence.Grains.Tests.Transport;

[Trait("Category", "Orleans")]
public class OrleansTransportTests
{
    private static readonly CancellationToken Never = CancellationToken.None;

    [Fact]
    public async Task Silos_exchange_frames_over_streams_in_the_order_sent()
    {
        await using var cluster = await TransportCluster.StartAsync(2);
        var (a, b) = (cluster.Nodes[0], cluster.Nodes[1]);
        for (var i = 0; i < 1000; i++)
        {
            a.Transport.Broadcast(Frames.Of($"{i}"));
        }

        await b.Received.FirstAsync("the last frame", h => h.Text == "999");
        var received = b.Received.All.Where(h => h.Kind == "frame").ToList();
        Assert.All(received, h => Assert.Equal(a.Name, h.From));
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"{i}"), received.Select(h => h.Text));
        Assert.DoesNotContain(a.Received.All, h => h.Kind == "frame");
        Assert.Equal("orleans", a.Transport.Name);
        a.Transport.Send("nobody", Frames.Of("for nobody"));
        Assert.Equal(1, a.Transport.Instruments.DroppedFor(DropReason.UnknownNode));
    }

    [Fact]
    public async Task Three_silos_exchange_frames_on_every_shard_and_know_each_other_by_name()
    {
        await using var cluster = await TransportCluster.StartAsync(3);
        foreach (var node in cluster.Nodes)
        {
            foreach (var other in cluster.Nodes.Where(m => m != node))
            {
                await node.Received.FirstAsync($"{other}", h => h.Kind == "joined" && h.From == other.Name);
            }

            node.Transport.Broadcast(Frames.Of("third shard", shard: 3));
        }

        await cluster.AllReceiveAllAsync("hello ");
        foreach (var node in cluster.Nodes)
        {
            await node.Received.FirstAsync("third shard", h => h.Text == "third shard");
            Assert.DoesNotContain(node.Received.All, h => h.Kind == "joined" && h.From == node.Name);
        }
    }

    [Fact]
    public async Task Request_returns_false_on_timeout_unknown_name_denial_failure_or_a_stopped_node()
    {
        await using var cluster = await TransportCluster.StartAsync(2);
        var (a, b) = (cluster.Nodes[0], cluster.Nodes[1]);
        Assert.False(await a.Transport.RequestAsync("nobody", Frames.Of("there?"), Never));
        b.Received.Respond = _ => Task.FromResult(false);
        Assert.False(await a.Transport.RequestAsync(b.Name, Frames.Of("is it still you?"), Never));
        b.Received.Respond = _ => Task.FromException<bool>(new InvalidOperationException("broken"));
        Assert.False(await a.Transport.RequestAsync(b.Name, Frames.Of("there?"), Never));
        var answering = new TaskCompletionSource<bool>();
        b.Received.Respond = _ => answering.Task;
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        Assert.False(await a.Transport.RequestAsync(b.Name, Frames.Of("there?"), soon.Token));
        answering.SetResult(true);
        await b.Transport.StopAsync(Never);
        Assert.False(await a.Transport.RequestAsync(b.Name, Frames.Of("there?"), Never));
    }

    [Fact]
    public async Task Killed_silo_is_reported_as_removed_with_its_incarnation_and_the_survivors_continue()
    {
        await using var cluster = await TransportCluster.StartAsync(3);
        await cluster.AllReceiveAllAsync("before ");
        var victim = cluster.Nodes[1];
        await cluster.KillAsync(victim);
        await cluster.AllReceiveAllAsync("meanwhile ");
        foreach (var node in cluster.Nodes)
        {
            var gone = await node.Received.FirstAsync("removal", h => h.Kind == "removed");
            Assert.Equal(victim.Name, gone.From);
            Assert.InRange(gone.Incarnation, victim.Transport.Incarnation, victim.Transport.Incarnation + 0xFFFF);
        }

        await cluster.AllReceiveAllAsync("after ");
        Assert.All(cluster.Nodes, m => Assert.Single(m.Received.All, h => h.Kind == "removed"));
    }

    [Fact]
    public async Task Silo_that_joins_later_is_reported_and_reachable_and_has_a_higher_incarnation()
    {
        await using var cluster = await TransportCluster.StartAsync(2);
        var stopped = cluster.Nodes[1];
        await cluster.StopAsync(stopped);
        await cluster.Nodes[0].Received.FirstAsync("removal", h => h.Kind == "removed" && h.From == stopped.Name);
        var late = await cluster.AddAsync();

        // It has the name of the stopped one, which had joined too.
        await cluster.Nodes[0].Received.UntilAsync(
            all => all.SkipWhile(h => h.Kind != "removed").Any(h => h.Kind == "joined" && h.From == late.Name), "join");
        await late.Received.FirstAsync("join", h => h.Kind == "joined" && h.From == cluster.Nodes[0].Name);
        await cluster.AllReceiveAllAsync("with the new one ");
        Assert.True(late.Transport.Incarnation > stopped.Transport.Incarnation + 0xFFFF);
    }

    [Fact]
    public async Task Loss_of_every_second_stream_event_affects_neither_the_others_nor_calls()
    {
        await using var cluster = await TransportCluster.StartAsync(3);
        var (a, b) = (cluster.Nodes[0], cluster.Nodes[1]);
        foreach (var node in cluster.Nodes)
        {
            node.Faults.Lose = n => n % 2 == 0;
        }

        for (var i = 0; cluster.Nodes.Sum(m => m.Faults.Injected) < 20; i++)
        {
            a.Transport.Broadcast(Frames.Of($"{i}"));
            Assert.True(await a.Transport.RequestAsync(b.Name, Frames.Of("request"), Never));
        }

        foreach (var node in cluster.Nodes)
        {
            node.Faults.Lose = _ => false;
        }

        await cluster.AllReceiveAllAsync("after the loss ");
        Assert.All(cluster.Nodes, m => Assert.DoesNotContain(m.Received.All, h => h.Kind == "removed"));
    }

    [Fact]
    public async Task Frames_rejected_by_a_full_queue_are_counted_and_later_ones_arrive()
    {
        await using var cluster = await TransportCluster.StartAsync(2);
        var (a, b) = (cluster.Nodes[0], cluster.Nodes[1]);
        b.Faults.Overflow = _ => true;
        var sent = 0;
        for (; a.Transport.Instruments.DroppedFor(DropReason.SendFailed) < 3; sent++)
        {
            a.Transport.Broadcast(Frames.Of("lost or not"));
            Assert.True(await a.Transport.RequestAsync(b.Name, Frames.Of("request"), Never));
        }

        b.Faults.Overflow = _ => false;
        await cluster.AllReceiveAllAsync("after the overflow ");
        var received = b.Received.All.Count(h => h.Text == "lost or not");
        Assert.Equal(sent, received + a.Transport.Instruments.DroppedFor(DropReason.SendFailed));
    }

    [Fact]
    public async Task Frame_larger_than_a_batch_is_sent_alone()
    {
        await using var cluster = await TransportCluster.StartAsync(2);
        var body = new byte[3 * 1024 * 1024];
        Random.Shared.NextBytes(body);
        cluster.Nodes[0].Transport.Broadcast(new ClusterFrame("presence", 0, body));
        var received = await cluster.Nodes[1].Received.FirstAsync("frame", h => h.Frame.Body.Length == body.Length);
        Assert.Equal(body, received.Frame.Body.ToArray());
    }

    [Fact]
    public async Task Shard_grain_is_activated_only_on_its_silo()
    {
        await using var cluster = await TransportCluster.StartAsync(2);
        var (a, b) = (cluster.Nodes[0], cluster.Nodes[1]);
        var grain = a.Transport.ShardGrain(new ShardKey(b.Silo.SiloAddress, 0));
        await grain.Deliver(a.Transport.Batch([Frames.Of("to b")]));
        await b.Received.FirstAsync("the batch", h => h.Text == "to b");
        await cluster.KillAsync(b);
        await a.Received.FirstAsync("removal", h => h.Kind == "removed");
        await Assert.ThrowsAnyAsync<Exception>(() => grain.Deliver(a.Transport.Batch([Frames.Of("late")])));
        Assert.DoesNotContain(a.Received.All, h => h.Text == "late");
    }

    [Fact]
    public async Task Frames_of_a_dead_silo_are_rejected_and_counted()
    {
        await using var cluster = await TransportCluster.StartAsync(2);
        var (a, b) = (cluster.Nodes[0], cluster.Nodes[1]);
        var late = b.Transport.Batch([Frames.Of("from a dead silo")]);
        await cluster.KillAsync(b);
        await a.Received.FirstAsync("removal", h => h.Kind == "removed");
        a.Transport.Deliver(late);
        a.Transport.Deliver(late with { FromSilo = "nonsense" });
        Assert.Equal(2, a.Transport.Instruments.DroppedFor(DropReason.DeadSender));
        Assert.DoesNotContain(a.Received.All, h => h.Text == "from a dead silo");
    }

    [Fact]
    public async Task Frames_of_a_silo_that_membership_does_not_list_yet_are_not_counted_as_forged()
    {
        await using var cluster = await TransportCluster.StartAsync(2);
        var (a, b) = (cluster.Nodes[0], cluster.Nodes[1]);
        var later = SiloAddress.New(b.Silo.SiloAddress.Endpoint, b.Silo.SiloAddress.Generation + 1);
        a.Transport.Deliver(b.Transport.Batch([Frames.Of("early")]) with { FromSilo = later.ToParsableString() });
        Assert.Equal(1, a.Transport.Instruments.DroppedFor(DropReason.UnknownNode));
        Assert.Equal(0, a.Transport.Instruments.DroppedFor(DropReason.ForgedSender));
    }

    [Fact]
    public async Task Frames_under_the_name_of_another_node_are_dropped_and_counted()
    {
        await using var cluster = await TransportCluster.StartAsync(2);
        var (a, b) = (cluster.Nodes[0], cluster.Nodes[1]);
        var forged = a.Transport.Batch([Frames.Of("forged")]) with { From = b.Name };
        var grain = b.Transport.ShardGrain(new ShardKey(a.Silo.SiloAddress, 0));
        await grain.Deliver(forged);
        Assert.False(await grain.Request(forged));
        await cluster.PinnedGrain(from: b, a).Enqueue($"{a.Silo.SiloAddress.ToParsableString()}/0", forged);
        await grain.Deliver(forged with { FromSilo = "10.9.9.9:1@1" });
        Assert.Equal(3, a.Transport.Instruments.DroppedFor(DropReason.ForgedSender));
        Assert.Equal(1, a.Transport.Instruments.DroppedFor(DropReason.DeadSender));
        await cluster.AllReceiveAllAsync("after ");
        Assert.DoesNotContain(a.Received.All, h => h.Text == "forged");
    }

    [Fact]
    public async Task Batch_without_content_or_for_no_shard_of_the_silo_is_dropped_and_counted()
    {
        await using var cluster = await TransportCluster.StartAsync(2);
        var (a, b) = (cluster.Nodes[0], cluster.Nodes[1]);
        var batch = b.Transport.Batch([Frames.Of("odd")]);
        var grain = b.Transport.ShardGrain(new ShardKey(a.Silo.SiloAddress, 0));
        await grain.Deliver(null!);
        await grain.Deliver(batch with { From = null! });
        await grain.Deliver(batch with { FromSilo = null! });
        Assert.False(await grain.Request(batch with { Frames = null! }));
        var self = a.Silo.SiloAddress.ToParsableString();
        var other = b.Silo.SiloAddress.ToParsableString();
        foreach (var key in new[] { null!, "", "nonsense", $"{self}/1024", $"{other}/0" })
        {
            await cluster.PinnedGrain(from: b, a).Enqueue(key, batch);
        }

        Assert.Equal(9, a.Transport.Instruments.DroppedFor(DropReason.Malformed));
        await cluster.AllReceiveAllAsync("after ");
        Assert.DoesNotContain(a.Received.All, h => h.Text == "odd");
    }
}
