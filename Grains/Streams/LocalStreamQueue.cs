using System.Threading.Channels;
using Orleans.Providers.Streams.Common;
using Orleans.Streams;

namespace Presence.Grains.Streams;

/// <summary>Holds the events of streams in this silo's memory until they are delivered here. Bounded.</summary>
internal sealed class LocalStreamQueue
{
    /// <summary>Maximum number of undelivered events.</summary>
    public const int Capacity = 16_384;

    /// <summary>Maximum size of all undelivered events, in bytes.</summary>
    public const long CapacityInBytes = 64 * 1024 * 1024;

    private readonly Channel<(IBatchContainer Event, long Size)> _events =
        Channel.CreateUnbounded<(IBatchContainer, long)>(new UnboundedChannelOptions { SingleReader = true });

    private readonly Lock _order = new();
    private int _count;
    private long _bytes;
    private long _lastSequence;

    /// <summary>Appends an event.</summary>
    /// <param name="size">Approximate size of the event in bytes.</param>
    /// <param name="make">Creates the event for its position in the queue.</param>
    /// <exception cref="InvalidOperationException">The queue is full; the event was not added.</exception>
    public void Add(long size, Func<EventSequenceTokenV2, IBatchContainer> make)
    {
        if (Interlocked.Increment(ref _count) > Capacity | Interlocked.Add(ref _bytes, size) > CapacityInBytes)
        {
            Release(size);
            throw new InvalidOperationException(
                $"The stream queue of this silo is full ({Volatile.Read(ref _count)} undelivered events).");
        }

        lock (_order)
        {
            _events.Writer.TryWrite((make(new EventSequenceTokenV2(++_lastSequence)), size));
        }
    }

    /// <summary>Completes when the queue holds an event.</summary>
    /// <exception cref="OperationCanceledException">Canceled before an event arrived.</exception>
    public async ValueTask WaitAsync(CancellationToken cancellation) =>
        await _events.Reader.WaitToReadAsync(cancellation);

    /// <summary>Removes and returns up to <paramref name="max"/> events in order.</summary>
    public List<IBatchContainer> Dequeue(int max)
    {
        var dequeued = new List<IBatchContainer>();
        while (dequeued.Count < max && _events.Reader.TryRead(out var next))
        {
            Release(next.Size);
            dequeued.Add(next.Event);
        }

        return dequeued;
    }

    private void Release(long size)
    {
        Interlocked.Decrement(ref _count);
        Interlocked.Add(ref _bytes, -size);
    }
}
