using System.Collections.Concurrent;
using Orleans.Providers.Streams.Common;
using Orleans.Runtime;
using Orleans.Streams;

namespace Presence.Grains.Link;

/// <summary>What the stream <c>presence.deltas</c> holds for this silo: a bounded queue in its memory.</summary>
internal sealed class DeltaQueue
{
    /// <summary>Batches that may be unread.</summary>
    public const int Capacity = 16_384;

    /// <summary>Bytes that may be unread.</summary>
    public const long CapacityInBytes = 64 * 1024 * 1024;

    private readonly ConcurrentQueue<DeltaEvent> _events = new();
    private int _count;
    private long _bytes;
    private long _lastSequence;

    /// <exception cref="InvalidOperationException">It is full: the batch was not taken.</exception>
    public void Add(StreamId stream, DeltaBatch batch)
    {
        var size = batch.Frames.Size();
        if (Interlocked.Increment(ref _count) > Capacity | Interlocked.Add(ref _bytes, size) > CapacityInBytes)
        {
            Release(size);
            throw new InvalidOperationException(
                $"{Volatile.Read(ref _count)} batches of deltas are unread on this silo; it takes no more now.");
        }

        _events.Enqueue(new DeltaEvent(stream, batch, new EventSequenceTokenV2(Interlocked.Increment(ref _lastSequence))));
    }

    /// <summary>Up to so many in the order in which they came.</summary>
    public List<IBatchContainer> Take(int most)
    {
        var taken = new List<IBatchContainer>();
        while (taken.Count < most && _events.TryDequeue(out var next))
        {
            Release(next.Batch.Frames.Size());
            taken.Add(next);
        }

        return taken;
    }

    private void Release(long size)
    {
        Interlocked.Decrement(ref _count);
        Interlocked.Add(ref _bytes, -size);
    }
}

/// <summary>One batch on its way through the stream.</summary>
[GenerateSerializer]
[Immutable]
[Alias("presence.delta-event")]
internal sealed class DeltaEvent(StreamId stream, DeltaBatch batch, EventSequenceTokenV2 token) : IBatchContainer
{
    [Id(0)]
    public StreamId StreamId { get; } = stream;

    [Id(1)]
    public DeltaBatch Batch { get; } = batch;

    [Id(2)]
    public EventSequenceTokenV2 Token { get; } = token;

    public StreamSequenceToken SequenceToken => Token;

    public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>() => Batch is T batch ? [Tuple.Create(batch, SequenceToken)] : [];

    public bool ImportRequestContext() => false;
}
