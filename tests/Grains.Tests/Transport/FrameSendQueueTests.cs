using Presence.Grains.Transport;
using Presence.Node;

namespace Presence.Grains.Tests.Transport;

public sealed class FrameSendQueueTests
{
    [Fact]
    public async Task Frame_larger_than_the_queue_is_sent_when_nothing_waits_and_dropped_otherwise()
    {
        using var instruments = new TransportInstruments();
        var sent = new Awaited<int>();
        var (entered, released) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var queue = new FrameSendQueue(
            new PresenceOrleansOptions { SendQueueMaxBytes = 1024 },
            instruments,
            async (batch, _) =>
            {
                sent.Add(batch.Sum(frame => frame.Body.Length));
                entered.TrySetResult();
                await released.Task;
            });
        queue.Post(Frame(5000));
        await entered.Task.WaitAsync(TimeSpan.FromSeconds(30));
        queue.Post(Frame(1000));
        queue.Post(Frame(5000));
        released.SetResult();
        await sent.CountAsync(2);
        queue.Post(Frame(6000));
        await sent.CountAsync(3);
        Assert.Equal([5000, 1000, 6000], sent.All);
        Assert.Equal(1, instruments.DroppedFor(DropReason.SendQueueFull));
    }

    private static ClusterFrame Frame(int bytes) => new("presence", 0, new byte[bytes]);
}
