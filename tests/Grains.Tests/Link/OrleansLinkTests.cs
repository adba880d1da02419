namespace Presence.Grains.Tests.Link;

[Trait("Category", "Engine.Orleans")]
public class OrleansLinkTests
{
    private static readonly CancellationToken Never = CancellationToken.None;

    [Fact]
    public async Task Two_silos_exchange_frames_over_streams_in_the_order_sent()
    {
        await using var cluster = await LinkCluster.StartAsync(2);
        var (a, b) = (cluster.Members[0], cluster.Members[1]);
        for (var i = 0; i < 1000; i++)
        {
            a.Link.Broadcast(Frames.Of($"{i}"));
        }

        await b.Heard.HearsAsync("the last frame", h => h.Text == "999");
        var heard = b.Heard.All.Where(h => h.Kind == "frame").ToList();
        Assert.All(heard, h => Assert.Equal(a.Name, h.From));
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"{i}"), heard.Select(h => h.Text));
        Assert.DoesNotContain(a.Heard.All, h => h.Kind == "frame");
        Assert.Equal("orleans", a.Link.Engine);
        a.Link.Send("nobody", Frames.Of("for nobody"));
        Assert.Equal(1, a.Link.Instruments.DroppedFor(DropReason.UnknownMember));
    }

    [Fact]
    public async Task Three_silos_hear_each_other_on_every_shard_and_know_each_other_by_name()
    {
        await using var cluster = await LinkCluster.StartAsync(3);
        foreach (var member in cluster.Members)
        {
            foreach (var other in cluster.Members.Where(m => m != member))
            {
                await member.Heard.HearsAsync($"{other}", h => h.Kind == "joined" && h.From == other.Name);
            }

            member.Link.Broadcast(Frames.Of("third shard", shard: 3));
        }

        await cluster.EverybodyHearsEverybodyAsync("hello ");
        foreach (var member in cluster.Members)
        {
            await member.Heard.HearsAsync("third shard", h => h.Text == "third shard");
            Assert.DoesNotContain(member.Heard.All, h => h.Kind == "joined" && h.From == member.Name);
        }
    }

    [Fact]
    public async Task An_ask_is_false_when_time_is_up_nobody_has_the_name_or_the_member_denies_fails_or_does_not_listen()
    {
        await using var cluster = await LinkCluster.StartAsync(2);
        var (a, b) = (cluster.Members[0], cluster.Members[1]);
        Assert.False(await a.Link.AskAsync("nobody", Frames.Of("there?"), Never));
        b.Heard.OnAsked = _ => Task.FromResult(false);
        Assert.False(await a.Link.AskAsync(b.Name, Frames.Of("is it still you?"), Never));
        b.Heard.OnAsked = _ => Task.FromException<bool>(new InvalidOperationException("broken"));
        Assert.False(await a.Link.AskAsync(b.Name, Frames.Of("there?"), Never));
        var answering = new TaskCompletionSource<bool>();
        b.Heard.OnAsked = _ => answering.Task;
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        Assert.False(await a.Link.AskAsync(b.Name, Frames.Of("there?"), soon.Token));
        answering.SetResult(true);
        await b.Link.StopAsync(Never);
        Assert.False(await a.Link.AskAsync(b.Name, Frames.Of("there?"), Never));
    }

    [Fact]
    public async Task A_killed_silo_is_reported_gone_with_its_incarnation_and_the_survivors_go_on()
    {
        await using var cluster = await LinkCluster.StartAsync(3);
        await cluster.EverybodyHearsEverybodyAsync("before ");
        var victim = cluster.Members[1];
        await cluster.KillAsync(victim);
        await cluster.EverybodyHearsEverybodyAsync("meanwhile ");
        foreach (var member in cluster.Members)
        {
            var gone = await member.Heard.HearsAsync("the end", h => h.Kind == "gone");
            Assert.Equal(victim.Name, gone.From);
            Assert.InRange(gone.Incarnation, victim.Link.Incarnation, victim.Link.Incarnation + 0xFFFF);
        }

        await cluster.EverybodyHearsEverybodyAsync("after ");
        Assert.All(cluster.Members, m => Assert.Single(m.Heard.All, h => h.Kind == "gone"));
    }

    [Fact]
    public async Task A_silo_that_comes_later_is_reported_and_heard_and_its_incarnation_is_higher()
    {
        await using var cluster = await LinkCluster.StartAsync(2);
        var stopped = cluster.Members[1];
        await cluster.StopAsync(stopped);
        await cluster.Members[0].Heard.HearsAsync("the end", h => h.Kind == "gone" && h.From == stopped.Name);
        var late = await cluster.AddAsync();
        await cluster.Members[0].Heard.HearsAsync("the start", h => h.Kind == "joined" && h.From == late.Name);
        await cluster.EverybodyHearsEverybodyAsync("with the new one ");
        Assert.True(late.Link.Incarnation > stopped.Link.Incarnation + 0xFFFF);
    }

    [Fact]
    public async Task With_every_second_stream_event_lost_the_others_arrive_and_calls_are_not_touched()
    {
        await using var cluster = await LinkCluster.StartAsync(3);
        var (a, b) = (cluster.Members[0], cluster.Members[1]);
        foreach (var member in cluster.Members)
        {
            member.Faults.Lose = n => n % 2 == 0;
        }

        for (var i = 0; cluster.Members.Sum(m => m.Faults.Injected) < 20; i++)
        {
            a.Link.Broadcast(Frames.Of($"{i}"));
            Assert.True(await a.Link.AskAsync(b.Name, Frames.Of("ask"), Never));
        }

        foreach (var member in cluster.Members)
        {
            member.Faults.Lose = _ => false;
        }

        await cluster.EverybodyHearsEverybodyAsync("after the loss ");
        Assert.All(cluster.Members, m => Assert.DoesNotContain(m.Heard.All, h => h.Kind == "gone"));
    }

    [Fact]
    public async Task Frames_that_a_full_queue_does_not_take_are_counted_and_later_ones_arrive()
    {
        await using var cluster = await LinkCluster.StartAsync(2);
        var (a, b) = (cluster.Members[0], cluster.Members[1]);
        b.Faults.Overflow = _ => true;
        var sent = 0;
        for (; a.Link.Instruments.DroppedFor(DropReason.SendFailed) < 3; sent++)
        {
            a.Link.Broadcast(Frames.Of("lost or not"));
            Assert.True(await a.Link.AskAsync(b.Name, Frames.Of("ask"), Never));
        }

        b.Faults.Overflow = _ => false;
        await cluster.EverybodyHearsEverybodyAsync("after the overflow ");
        var heard = b.Heard.All.Count(h => h.Text == "lost or not");
        Assert.Equal(sent, heard + a.Link.Instruments.DroppedFor(DropReason.SendFailed));
    }

    [Fact]
    public async Task A_frame_larger_than_a_batch_travels_alone()
    {
        await using var cluster = await LinkCluster.StartAsync(2);
        var body = new byte[3 * 1024 * 1024];
        Random.Shared.NextBytes(body);
        cluster.Members[0].Link.Broadcast(new LinkFrame("presence", 0, body));
        var heard = await cluster.Members[1].Heard.HearsAsync("frame", h => h.Frame.Body.Length == body.Length);
        Assert.Equal(body, heard.Frame.Body.ToArray());
    }

    [Fact]
    public async Task A_shard_grain_refuses_to_live_anywhere_but_on_its_silo()
    {
        await using var cluster = await LinkCluster.StartAsync(2);
        var (a, b) = (cluster.Members[0], cluster.Members[1]);
        var grain = a.Link.ShardGrain(new ShardKey(b.Silo.SiloAddress, 0));
        await grain.Deliver(a.Link.Batch([Frames.Of("to b")]));
        await b.Heard.HearsAsync("the batch", h => h.Text == "to b");
        await cluster.KillAsync(b);
        await a.Heard.HearsAsync("the end", h => h.Kind == "gone");
        await Assert.ThrowsAnyAsync<Exception>(() => grain.Deliver(a.Link.Batch([Frames.Of("late")])));
        Assert.DoesNotContain(a.Heard.All, h => h.Text == "late");
    }

    [Fact]
    public async Task Frames_of_a_dead_silo_are_refused_and_counted()
    {
        await using var cluster = await LinkCluster.StartAsync(2);
        var (a, b) = (cluster.Members[0], cluster.Members[1]);
        var late = b.Link.Batch([Frames.Of("from the grave")]);
        await cluster.KillAsync(b);
        await a.Heard.HearsAsync("the end", h => h.Kind == "gone");
        a.Link.Deliver(late);
        a.Link.Deliver(late with { FromSilo = "nonsense" });
        Assert.Equal(2, a.Link.Instruments.DroppedFor(DropReason.DeadSender));
        Assert.DoesNotContain(a.Heard.All, h => h.Text == "from the grave");
    }
}
