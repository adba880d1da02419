using Presence.Channels.Runtime;

namespace Presence.Channels.Tests.Sessions;

/// <summary>How fast one client may send.</summary>
public sealed class InputRateTests
{
    [Fact]
    public void Client_within_the_average_is_not_delayed()
    {
        using var harness = Harness(10, 3);
        var session = harness.Connect().Session;
        for (var i = 0; i < 100; i++)
        {
            Assert.Null(session.MeterAsync(1, 1));
            harness.Time.Advance(TimeSpan.FromMilliseconds(100));
        }
    }

    [Fact]
    public void Client_beyond_the_burst_waits_for_its_turn()
    {
        using var harness = Harness(10, 3);
        var session = harness.Connect().Session;
        Assert.Null(session.MeterAsync(3, 1));
        var wait = session.MeterAsync(1, 1);
        Assert.False(wait!.IsCompleted);
        harness.Time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.True(wait.IsCompleted);
        Assert.Equal(1, harness.Counted("presence.sockets.throttled:rate"));
    }

    [Fact]
    public void Bytes_are_limited_like_frames()
    {
        using var harness = new Harness(l => (l.MaxBytesPerSecond, l.ByteBurst) = (1000, 1000));
        var session = harness.Connect().Session;
        Assert.Null(session.MeterAsync(1, 1000));
        var wait = session.MeterAsync(1, 500);
        harness.Time.Advance(TimeSpan.FromMilliseconds(499));
        Assert.False(wait!.IsCompleted);
        harness.Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(wait.IsCompleted);
    }

    [Fact]
    public void Client_that_stays_too_fast_is_closed_with_1008_and_counted_once()
    {
        using var harness = Harness(10, 3);
        var client = harness.Connect();
        for (var i = 0; i < 100; i++)
        {
            client.Session.MeterAsync(5, 1);
            harness.Time.Advance(TimeSpan.FromMilliseconds(100));
            Assert.Null(client.CloseCode);
        }

        client.Session.MeterAsync(5, 1);
        harness.Time.Advance(TimeSpan.FromMilliseconds(100));
        client.Session.MeterAsync(5, 1);
        client.Session.MeterAsync(5, 1);
        Assert.Equal(1008, client.CloseCode);
        Assert.Equal(1, harness.Counted("presence.sockets.closed:rate"));
    }

    [Fact]
    public void Client_that_pauses_for_a_second_begins_anew()
    {
        using var harness = Harness(10, 30);
        var client = harness.Connect();
        for (var i = 0; i < 10; i++)
        {
            client.Session.MeterAsync(40, 1);
            harness.Time.Advance(TimeSpan.FromSeconds(4));
        }

        Assert.Null(client.CloseCode);
    }

    [Fact]
    public void Clients_beyond_their_share_wait_while_the_node_is_busy_and_others_do_not()
    {
        using var harness = new Harness();
        var (fast, slow) = (harness.Connect().Session, harness.Connect().Session);
        Busy(harness, TimeSpan.FromMilliseconds(11), times: 20);
        Assert.Null(fast.MeterAsync(120, 1));
        var wait = fast.MeterAsync(50, 1);
        Assert.False(wait!.IsCompleted);
        for (var i = 0; i < 50; i++)
        {
            Assert.Null(slow.MeterAsync(1, 1));
            harness.Time.Advance(TimeSpan.FromMilliseconds(100));
        }

        Assert.True(wait.IsCompleted);
        Assert.Equal(1, harness.Counted("presence.sockets.throttled:busy"));
        Busy(harness, TimeSpan.FromMilliseconds(9), times: 100);
        Assert.Null(fast.MeterAsync(200, 1));
    }

    [Fact]
    public void Sudden_bursts_of_many_clients_are_spread_before_the_node_is_busy()
    {
        using var harness = new Harness();
        var waits = Enumerable.Range(0, 10).Select(_ => harness.Connect().Session.MeterAsync(500, 1)).ToList();
        Assert.All(waits[1..], Assert.NotNull);
        var frames = 10 * (500 - 100);
        harness.Time.Advance(TimeSpan.FromSeconds(frames / NodeLoad.StartExcess * 0.5));
        Assert.Contains(waits, wait => wait is { IsCompleted: false });
        harness.Time.Advance(TimeSpan.FromSeconds(frames / NodeLoad.StartExcess * 0.5));
        Assert.All(waits, wait => Assert.True(wait is null or { IsCompleted: true }));
    }

    [Fact]
    public void Limit_rises_while_it_is_used_and_returns_to_its_start_while_it_is_not()
    {
        using var harness = new Harness();
        var load = harness.Server.Load;
        for (var i = 0; i < 30; i++)
        {
            load.TryTake(load.Excess, 10, harness.Time.GetTimestamp());
            load.Measured(TimeSpan.Zero);
        }

        Assert.Equal(NodeLoad.MaxExcess, load.Excess);
        Busy(harness, TimeSpan.Zero, times: 30);
        Assert.Equal(NodeLoad.StartExcess, load.Excess);
        Busy(harness, TimeSpan.FromSeconds(1), times: 30);
        Busy(harness, TimeSpan.Zero, times: 30);
        Assert.Equal(NodeLoad.StartExcess, load.Excess);
    }

    [Fact]
    public void Limit_falls_while_the_node_uses_more_than_its_part_of_the_processors()
    {
        using var harness = new Harness(l => l.BusyProcessor = 0.3);
        harness.Server.Load.Measured(TimeSpan.Zero, 0.29);
        Assert.Equal(NodeLoad.StartExcess, harness.Server.Load.Excess);
        harness.Server.Load.Measured(TimeSpan.Zero, 0.31);
        Assert.Equal(NodeLoad.StartExcess / 2, harness.Server.Load.Excess);
    }

    [Fact]
    public async Task Broadcasts_that_wait_in_a_mailbox_are_slowed_like_those_that_are_read()
    {
        const int Members = 50;
        const int Messages = 20;
        using var harness = new Harness(l => l.BusyFramesPerSecond = 1);
        Busy(harness, TimeSpan.FromSeconds(1), times: 20);
        var clients = Enumerable.Range(0, Members).Select(_ => harness.Connect()).ToList();
        foreach (var client in clients)
        {
            await client.JoinAsync("echo:a");
        }

        for (var i = 0; i < Messages; i++)
        {
            await clients[0].SendAsync($$"""["1",null,"echo:a","others",{"i":{{i}}}]""");
        }

        // Each costs as much as five frames. Time stands still: those that are slowed wait.
        await TestTimeouts.UntilAsync(
            "it is slowed", TestClient.Timeout, () => harness.Counted("presence.sockets.throttled:busy") == 1);
        for (var i = 0; i < Messages; i++)
        {
            var message = await harness.TickUntilAsync(clients[1].NextAsync());
            Assert.Equal($$"""[null,null,"echo:a","news",{"i":{{i}}}]""", message);
        }

        Assert.InRange(harness.Counted("presence.sockets.throttled:busy"), 2, Messages);
    }

    [Theory]
    [InlineData(1, 400_000, 0)]
    [InlineData(1, 1, 100)]
    public void Bytes_and_broadcasts_count_as_frames_of_the_share(int frames, int bytes, double charged)
    {
        using var harness = new Harness();
        Busy(harness, TimeSpan.FromSeconds(1), times: 20);
        var session = harness.Connect().Session;
        Assert.Null(session.MeterAsync(100, 1));
        session.Charge(charged);
        Assert.NotNull(session.MeterAsync(frames, bytes));
    }

    [Fact]
    public void Busy_node_is_measured_only_while_clients_exceed_their_share()
    {
        using var harness = new Harness();
        var session = harness.Connect().Session;
        var timers = harness.Time.Timers;
        session.MeterAsync(100, 1);
        Assert.Equal(timers, harness.Time.Timers);
        session.MeterAsync(1, 1);
        Assert.Equal(timers + 1, harness.Time.Timers);

        // A tick that comes late halves the limit.
        harness.Time.Advance(TimeSpan.FromMilliseconds(150));
        Assert.Equal(NodeLoad.StartExcess / 2, harness.Server.Load.Excess);
        for (var i = 0; i < 150; i++)
        {
            harness.Time.Advance(TimeSpan.FromMilliseconds(100));
        }

        Assert.Equal(timers, harness.Time.Timers);
    }

    [Fact]
    public void Zero_sets_no_limit()
    {
        using var harness = new Harness(
            l => (l.MaxFramesPerSecond, l.MaxBytesPerSecond, l.BusyDelay) = (0, 0, TimeSpan.Zero));
        Assert.Null(harness.Connect().Session.MeterAsync(1_000_000, int.MaxValue));
    }

    private static void Busy(Harness harness, TimeSpan delay, int times)
    {
        for (var i = 0; i < times; i++)
        {
            harness.Server.Load.Measured(delay);
        }
    }

    private static Harness Harness(int rate, int burst) =>
        new(l => (l.MaxFramesPerSecond, l.FrameBurst) = (rate, burst));
}
