using System.Collections.Concurrent;
using Orleans.Providers.Streams.Common;
using Orleans.Streams;

namespace Presence.Grains.Streams;

/// <summary>What streams hold on this silo until it is pulled: a bounded queue in its memory.</summary>
internal sealed class SiloQueue
{
    /// <summary>Events that may be unread.</summary>
    public const int Capacity = 16_384;

    /// <summary>Bytes that may be unread.</summary>
    public const long CapacityInBytes = 64 * 1024 * 1024;

    private readonly ConcurrentQueue<(IBatchContainer Event, long Size)> _events = new();
    private readonly Lock _order = new();
    private int _count;
    private long _bytes;
    private long _lastSequence;

    /// <param name="size">About how many bytes the event holds.</param>
    /// <param name="make">Makes the event for its place in the queue.</param>
    /// <exception cref="InvalidOperationException">It is full: the event was not taken.</exception>
    public void Add(long size, Func<EventSequenceTokenV2, IBatchContainer> make)
    {
        if (Interlocked.Increment(ref _count) > Capacity | Interlocked.Add(ref _bytes, size) > CapacityInBytes)
        {
            Release(size);
            throw new InvalidOperationException(
                $"{Volatile.Read(ref _count)} stream events are unread on this silo; it takes no more now.");
        }

        lock (_order)
        {
            _events.Enqueue((make(new EventSequenceTokenV2(++_lastSequence)), size));
        }
    }

    /// <summary>Up to so many in the order in which they came.</summary>
    public List<IBatchContainer> Take(int most)
    {
        var taken = new List<IBatchContainer>();
        while (taken.Count < most && _events.TryDequeue(out var next))
        {
            Release(next.Size);
            taken.Add(next.Event);
        }

        return taken;
    }

    private void Release(long size)
    {
        Interlocked.Decrement(ref _count);
        Interlocked.Add(ref _bytes, -size);
    }
}
