using Presence.Grains.Streams;

namespace Presence.Grains.Tests.Transport;

public class LocalStreamQueueTests
{
    private static readonly StreamId Stream = StreamId.Create("presence.deltas", "silo/0");

    [Fact]
    public void Queue_returns_events_in_order_and_rejects_events_beyond_its_capacity()
    {
        var queue = new DeltaStreamQueue();
        for (var i = 0; i < LocalStreamQueue.Capacity; i++)
        {
            queue.Add(Stream, Batch(1, i));
        }

        Assert.Throws<InvalidOperationException>(() => queue.Add(Stream, Batch(1, 0)));
        var taken = queue.Queue.Dequeue(1000).Cast<DeltaEvent>().ToList();
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"{i}"), taken.Select(e => e.Batch.From));
        Assert.Equal(taken.Select(e => e.Token.SequenceNumber).Order(), taken.Select(e => e.Token.SequenceNumber));
        queue.Add(Stream, Batch(1, 0));
    }

    [Fact]
    public void Queue_is_also_bounded_in_bytes()
    {
        var queue = new DeltaStreamQueue();
        queue.Add(Stream, Batch((int)LocalStreamQueue.CapacityInBytes, 0));
        Assert.Throws<InvalidOperationException>(() => queue.Add(Stream, Batch(1, 1)));
        Assert.Single(queue.Queue.Dequeue(10));
        queue.Add(Stream, Batch(1, 2));
        Assert.Single(queue.Queue.Dequeue(10));
        Assert.Empty(queue.Queue.Dequeue(10));
    }

    private static DeltaBatch Batch(int bytes, int from) =>
        new($"{from}", "silo", [new ClusterFrame("presence", 0, new byte[bytes])]);
}
