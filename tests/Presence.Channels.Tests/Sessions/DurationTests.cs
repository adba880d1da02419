using Presence.Channels.Transport;
using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Sessions;

public sealed class DurationTests : IDisposable
{
    private const string Handling = "presence.channel.message.duration";
    private const string Sending = "presence.send.duration";

    private readonly Harness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task A_message_takes_until_it_is_handled_its_wait_in_the_mailbox_included()
    {
        var client = _harness.Connect();
        await client.JoinAsync("echo");
        await client.SendAsync("""["1","2","echo","hang",{}]""");
        Assert.Equal("hanging", await _harness.Log.NextAsync());
        _harness.Time.Advance(TimeSpan.FromSeconds(2));
        await client.SendAsync("""["1","3","echo","noreply",{}]""");
        _harness.Time.Advance(TimeSpan.FromSeconds(1));
        _harness.Log.Gate.SetResult();
        await client.OkAsync("""["1","4","echo","echo",{}]""");
        Assert.Equal([TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1)], _harness.Durations(Handling).Take(2));
    }

    [Fact]
    public void Of_the_frames_in_a_queue_one_at_a_time_is_measured_until_it_is_sent()
    {
        var queue = new SocketSendQueue(_harness.Server);
        Enqueue(queue);
        Assert.True(queue.TryDequeue(out _, out _, out _));
        _harness.Time.Advance(TimeSpan.FromMilliseconds(10));
        Enqueue(queue);
        Assert.Empty(_harness.Durations(Sending));

        Assert.True(queue.TryDequeue(out _, out _, out _));
        Assert.Equal([TimeSpan.FromMilliseconds(10)], _harness.Durations(Sending));

        Enqueue(queue);
        Enqueue(queue);
        _harness.Time.Advance(TimeSpan.FromMilliseconds(20));
        for (var sent = 0; sent < 2; sent++)
        {
            Assert.True(queue.TryDequeue(out _, out _, out _));
        }

        Assert.Equal([10, 20], _harness.Durations(Sending).Select(time => time.TotalMilliseconds));
        Assert.False(queue.TryDequeue(out _, out _, out _));
        Assert.Equal(2, _harness.Durations(Sending).Count);
    }

    [Fact]
    public void A_frame_that_is_dropped_with_its_client_is_not_measured()
    {
        var queue = new SocketSendQueue(_harness.Server);
        Enqueue(queue);
        Assert.True(queue.TryDequeue(out _, out _, out _));
        queue.Abort();
        Assert.Empty(_harness.Durations(Sending));
    }

    private static void Enqueue(SocketSendQueue queue) => queue.Enqueue(new OutFrame(new byte[10], default, false));
}
