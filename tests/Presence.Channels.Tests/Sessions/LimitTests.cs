using static Presence.Channels.Transport.SocketSendQueue;

using Presence.Channels.Presences;
using Presence.Channels.Transport;
using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Sessions;

public sealed class LimitTests : IDisposable
{
    private Harness? _harness;

    public void Dispose() => _harness?.Dispose();

    [Fact]
    public async Task Socket_cannot_join_more_channels_than_the_limit()
    {
        using var harness = new Harness(l => l.MaxChannelsPerSocket = 2);
        var client = harness.Connect();
        await client.JoinAsync("echo:1");
        await client.JoinAsync("echo:2");
        await client.RejectedAsync("""["3","3","echo:3","phx_join",{}]""", "too many channels joined");
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
    public async Task Channel_with_a_full_mailbox_answers_busy()
    {
        using var harness = new Harness(l => l.MaxMailboxMessages = 1);
        var client = harness.Connect();
        await client.JoinAsync("echo");
        await client.SendAsync("""["1","2","echo","hang",{}]""");
        Assert.Equal("hanging", await harness.Log.NextAsync());
        await client.SendAsync("""["1","3","echo","echo",{}]""");
        await client.RejectedAsync("""["1","4","echo","echo",{}]""", "channel busy");
        Assert.Equal(1, harness.Counted("presence.frames.dropped:mailbox_full"));
        harness.Log.Gate.SetResult();
        Assert.Equal("""["1","3","echo","phx_reply",{"status":"ok","response":{}}]""", await client.NextAsync());
    }

    [Fact]
    public void Full_send_queue_overflows_once_and_drops_its_frames()
    {
        var frame = new OutFrame(new byte[10], default, false);
        var queue = SendQueue(2, 1000);
        Assert.Equal(EnqueueResult.StartWriter, queue.Enqueue(frame));
        Assert.Equal(EnqueueResult.Queued, queue.Enqueue(frame));
        Assert.Equal(EnqueueResult.Overflow, queue.Enqueue(frame));
        Assert.Equal(EnqueueResult.Closed, queue.Enqueue(frame));
        Assert.False(queue.TryDequeue(out _, out _, out _));
    }

    [Fact]
    public void Send_queue_counts_bytes_but_accepts_one_frame_of_any_size()
    {
        var queue = SendQueue(100, 15);
        Assert.Equal(EnqueueResult.StartWriter, queue.Enqueue(new OutFrame(new byte[50], default, false)));
        Assert.True(queue.TryDequeue(out _, out _, out _));
        Assert.Equal(EnqueueResult.Queued, queue.Enqueue(new OutFrame(new byte[10], default, false)));
        Assert.Equal(EnqueueResult.Overflow, queue.Enqueue(new OutFrame(new byte[10], default, false)));
    }

    [Fact]
    public void Send_queue_returns_the_close_code_after_its_frames()
    {
        var queue = SendQueue(2, 1000);
        queue.Enqueue(new OutFrame(new byte[1], default, false));
        Assert.Equal(EnqueueResult.Queued, queue.Close(1012));
        Assert.True(queue.TryDequeue(out var frame, out _, out _));
        Assert.NotNull(frame);
        Assert.True(queue.TryDequeue(out frame, out var code, out _));
        Assert.Null(frame);
        Assert.Equal(1012, code);
        Assert.False(queue.TryDequeue(out _, out _, out _));
    }

    [Fact]
    public async Task Backlog_lasts_from_half_full_to_a_quarter_and_no_one_waits_longer_than_a_second()
    {
        var frame = new OutFrame(new byte[10], default, false);
        var queue = SendQueue(8, 1000);
        for (var i = 0; i < 4; i++)
        {
            queue.Enqueue(frame);
        }

        Assert.Null(queue.Backlog);
        queue.Enqueue(frame);
        var backlog = queue.Backlog!;
        var patient = backlog.WaitAsync(_harness!.Time);
        queue.TryDequeue(out _, out _, out _);
        queue.TryDequeue(out _, out _, out _);
        Assert.Same(backlog, queue.Backlog);
        Assert.False(patient.IsCompleted);
        queue.TryDequeue(out _, out _, out _);
        Assert.Null(queue.Backlog);
        await patient.WaitAsync(TestClient.Timeout);

        for (var i = 0; i < 4; i++)
        {
            queue.Enqueue(frame);
        }

        var impatient = queue.Backlog!.WaitAsync(_harness.Time);
        _harness.Time.Advance(Backlog.MaxWait);
        await impatient.WaitAsync(TestClient.Timeout);
        Assert.True(queue.Backlog!.WaitAsync(_harness.Time).IsCompleted);
        queue.Abort();
        Assert.Null(queue.Backlog);
    }

    [Fact]
    public void Default_limits_are_valid() => new ChannelLimits().Validate();

    [Theory]
    [InlineData("MaxFrameBytes", 10)]
    [InlineData("MaxTopicBytes", 0)]
    [InlineData("MaxTopicBytes", 256)]
    [InlineData("MaxFrameBytes", int.MaxValue)]
    [InlineData("MaxLongPollBytes", int.MaxValue)]
    [InlineData("BusyFramesPerSecond", 214_748_365)]
    [InlineData("MaxChannelsPerSocket", 0)]
    [InlineData("MaxSockets", 0)]
    [InlineData("MaxSendQueueFrames", 0)]
    [InlineData("MaxSendQueueBytes", 0)]
    [InlineData("MaxMailboxMessages", 0)]
    [InlineData("MaxFramesPerSecond", -1)]
    [InlineData("FrameBurst", 0)]
    [InlineData("MaxBytesPerSecond", -1)]
    [InlineData("ByteBurst", 0)]
    [InlineData("MaxSocketsPerAddress", -1)]
    [InlineData("MaxSocketsPerUser", -1)]
    [InlineData("MaxHandshakesPerSecond", -1)]
    [InlineData("MaxHandshakesPerAddress", int.MaxValue)]
    public void A_bad_limit_is_named_with_its_value_and_rule(string option, int value)
    {
        var message = Rejection(l => typeof(ChannelLimits).GetProperty(option)!.SetValue(l, value));
        Assert.Contains($"Presence:Limits:{option} is {value}: it must be", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Timeouts_must_be_positive_and_the_diff_interval_short()
    {
        Assert.Contains(":IdleTimeout is ", Rejection(l => l.IdleTimeout = TimeSpan.Zero), StringComparison.Ordinal);
        Assert.Contains(
            ":DiffInterval is ", Rejection(l => l.DiffInterval = TimeSpan.FromMinutes(1)), StringComparison.Ordinal);
        Assert.Contains(
            ":MaxDiffInterval is ",
            Rejection(l => l.MaxDiffInterval = TimeSpan.FromMilliseconds(1)),
            StringComparison.Ordinal);
        Assert.Contains(
            ":LongPollTimeout is ", Rejection(l => l.LongPollTimeout = TimeSpan.Zero), StringComparison.Ordinal);
        Assert.Contains(
            ":LongPollTimeout is 00:00:20: it must be more than zero and less than 20 s",
            Rejection(l => l.LongPollTimeout = TimeSpan.FromSeconds(20)),
            StringComparison.Ordinal);
        Assert.Contains(":JoinTimeout is ", Rejection(l => l.JoinTimeout = TimeSpan.Zero), StringComparison.Ordinal);
        Assert.Contains(
            ":ThrottleTimeout is ", Rejection(l => l.ThrottleTimeout = TimeSpan.Zero), StringComparison.Ordinal);
        Assert.Contains(
            ":MaxWaitingBytes is ", Rejection(l => l.MaxWaitingBytes = l.MaxFrameBytes - 1), StringComparison.Ordinal);
        Assert.Contains(":FetchTimeout is ", Rejection(l => l.FetchTimeout = TimeSpan.Zero), StringComparison.Ordinal);
    }

    [Fact]
    public void Diff_interval_grows_with_the_cost_of_a_message_within_its_limits()
    {
        var limits = new ChannelLimits();
        Assert.Equal(limits.DiffInterval, PresenceFeed.Interval(limits, 0));
        Assert.Equal(limits.DiffInterval, PresenceFeed.Interval(limits, 0.02));
        Assert.Equal(TimeSpan.FromMilliseconds(100), PresenceFeed.Interval(limits, 0.1));
        Assert.Equal(limits.MaxDiffInterval, PresenceFeed.Interval(limits, 100));
    }

    private SocketSendQueue SendQueue(int frames, int bytes)
    {
        _harness = new Harness(l => (l.MaxSendQueueFrames, l.MaxSendQueueBytes) = (frames, bytes));
        return new SocketSendQueue(_harness.Server);
    }

    private static string Rejection(Action<ChannelLimits> change)
    {
        var limits = new ChannelLimits();
        change(limits);
        return Assert.Throws<ArgumentException>(limits.Validate).Message;
    }
}
