namespace Presence.Channels.Tests.Sessions;

public sealed class LimitTests
{
    [Fact]
    public async Task A_socket_joins_so_many_channels_and_no_more()
    {
        using var harness = new Harness(l => l.MaxChannelsPerSocket = 2);
        var client = harness.Connect();
        await client.JoinAsync("echo:1");
        await client.JoinAsync("echo:2");
        await client.RefusedAsync("""["3","3","echo:3","phx_join",{}]""", "too many channels joined");
        await client.SendAsync("""["4","4","echo:2","phx_join",{}]""");
        Assert.Equal("""["4","4","echo:2","phx_reply",{"status":"ok","response":{}}]""", await client.NextAsync());
    }

    [Fact]
    public async Task A_silent_socket_is_closed_after_the_idle_timeout()
    {
        using var harness = new Harness();
        var (silent, busy) = (harness.Connect(), harness.Connect());
        for (var i = 0; i < 4; i++)
        {
            harness.Time.Advance(TimeSpan.FromSeconds(20));
            await busy.ExpectNothingAsync();
        }

        Assert.Equal(1001, silent.CloseCode);
        Assert.Null(busy.CloseCode);
    }

    [Fact]
    public async Task A_socket_that_sends_too_often_is_closed()
    {
        using var harness = new Harness(l => (l.MaxFramesPerSecond, l.FrameBurst) = (10, 3));
        var client = harness.Connect();
        for (var i = 0; i < 3; i++)
        {
            await client.ExpectNothingAsync();
        }

        harness.Time.Advance(TimeSpan.FromMilliseconds(100));
        await client.ExpectNothingAsync();
        Assert.Null(client.CloseCode);
        await client.SendAsync("""[null,"1","phoenix","heartbeat",{}]""");
        Assert.Equal(1008, client.CloseCode);
    }

    [Fact]
    public async Task A_channel_whose_mailbox_is_full_says_so()
    {
        using var harness = new Harness(l => l.MaxMailboxMessages = 1);
        var client = harness.Connect();
        await client.JoinAsync("echo");
        await client.SendAsync("""["1","2","echo","hang",{}]""");
        Assert.Equal("hanging", await harness.Log.NextAsync());
        await client.SendAsync("""["1","3","echo","echo",{}]""");
        await client.RefusedAsync("""["1","4","echo","echo",{}]""", "channel busy");
        Assert.Equal(1, harness.Counted("presence.frames.dropped:mailbox_full"));
        harness.Log.Gate.SetResult();
        Assert.Equal("""["1","3","echo","phx_reply",{"status":"ok","response":{}}]""", await client.NextAsync());
    }

    [Fact]
    public void An_outbox_that_is_full_overflows_once_and_forgets_what_waited()
    {
        var frame = new OutFrame(new byte[10], default, false);
        var outbox = new Outbox(2, 1000);
        Assert.Equal(Outbox.Added.StartWriter, outbox.Add(frame));
        Assert.Equal(Outbox.Added.Queued, outbox.Add(frame));
        Assert.Equal(Outbox.Added.Overflow, outbox.Add(frame));
        Assert.Equal(Outbox.Added.Shut, outbox.Add(frame));
        Assert.False(outbox.TryTake(out _, out _, out _));
    }

    [Fact]
    public void An_outbox_counts_bytes_but_takes_one_frame_of_any_size()
    {
        var outbox = new Outbox(100, 15);
        Assert.Equal(Outbox.Added.StartWriter, outbox.Add(new OutFrame(new byte[50], default, false)));
        Assert.True(outbox.TryTake(out _, out _, out _));
        Assert.Equal(Outbox.Added.Queued, outbox.Add(new OutFrame(new byte[10], default, false)));
        Assert.Equal(Outbox.Added.Overflow, outbox.Add(new OutFrame(new byte[10], default, false)));
    }

    [Fact]
    public void An_outbox_gives_the_close_code_after_what_waited()
    {
        var outbox = new Outbox(2, 1000);
        outbox.Add(new OutFrame(new byte[1], default, false));
        Assert.Equal(Outbox.Added.Queued, outbox.Close(1012));
        Assert.True(outbox.TryTake(out var frame, out _, out _));
        Assert.NotNull(frame);
        Assert.True(outbox.TryTake(out frame, out var code, out _));
        Assert.Null(frame);
        Assert.Equal(1012, code);
        Assert.False(outbox.TryTake(out _, out _, out _));
    }

    [Fact]
    public void Default_limits_are_valid() => new ChannelLimits().Validate();

    [Theory]
    [InlineData("MaxFrameBytes", 10)]
    [InlineData("MaxTopicBytes", 0)]
    [InlineData("MaxTopicBytes", 256)]
    [InlineData("MaxChannelsPerSocket", 0)]
    [InlineData("MaxSockets", 0)]
    [InlineData("MaxOutboxFrames", 0)]
    [InlineData("MaxOutboxBytes", 0)]
    [InlineData("MaxMailboxMessages", 0)]
    [InlineData("MaxFramesPerSecond", -1)]
    [InlineData("FrameBurst", 0)]
    public void A_bad_limit_is_named_with_its_value_and_rule(string option, int value)
    {
        var message = Refused(l => typeof(ChannelLimits).GetProperty(option)!.SetValue(l, value));
        Assert.Contains($"Presence:Limits:{option} is {value}: it must be", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Times_must_be_positive_and_the_window_short()
    {
        Assert.Contains(":IdleTimeout is ", Refused(l => l.IdleTimeout = TimeSpan.Zero), StringComparison.Ordinal);
        Assert.Contains(":DiffWindow is ", Refused(l => l.DiffWindow = TimeSpan.FromMinutes(1)), StringComparison.Ordinal);
        Assert.Contains(":MaxDiffWindow is ", Refused(l => l.MaxDiffWindow = TimeSpan.FromMilliseconds(1)), StringComparison.Ordinal);
        Assert.Contains(":PollWindow is ", Refused(l => l.PollWindow = TimeSpan.Zero), StringComparison.Ordinal);
        Assert.Contains(":JoinTimeout is ", Refused(l => l.JoinTimeout = TimeSpan.Zero), StringComparison.Ordinal);
        Assert.Contains(":FetchTimeout is ", Refused(l => l.FetchTimeout = TimeSpan.Zero), StringComparison.Ordinal);
    }

    [Fact]
    public void Windows_between_diffs_grow_with_what_a_message_costs_within_bounds()
    {
        var limits = new ChannelLimits();
        Assert.Equal(limits.DiffWindow, PresenceFeed.Window(limits, 0));
        Assert.Equal(limits.DiffWindow, PresenceFeed.Window(limits, 0.02));
        Assert.Equal(TimeSpan.FromMilliseconds(100), PresenceFeed.Window(limits, 0.1));
        Assert.Equal(limits.MaxDiffWindow, PresenceFeed.Window(limits, 100));
    }

    private static string Refused(Action<ChannelLimits> change)
    {
        var limits = new ChannelLimits();
        change(limits);
        return Assert.Throws<PresenceOptionsException>(limits.Validate).Message;
    }
}
