using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Streams;
using Presence.Grains.Streams;

namespace Presence.Grains.Link;

/// <summary>The queue of this silo in the stream provider that carries deltas.</summary>
internal sealed class DeltaQueue
{
    public SiloQueue Queue { get; } = new();

    /// <exception cref="InvalidOperationException">It is full: the batch was not taken.</exception>
    public void Add(StreamId stream, DeltaBatch batch) =>
        Queue.Add(batch.Frames.Size(), token => new DeltaEvent(stream, batch, token));
}

/// <summary>The stream provider that carries deltas: a stream is queued on the silo that consumes it.</summary>
internal sealed class DeltaStreams(string name, IGrainFactory grains, DeltaQueue queue, ILoggerFactory loggers)
    : SiloStreams(name, [queue.Queue], loggers)
{
    public override async Task QueueMessageBatchAsync<T>(
        StreamId streamId,
        IEnumerable<T> events,
        StreamSequenceToken? token,
        Dictionary<string, object>? requestContext)
    {
        // The key of a stream is that of the grain which consumes it.
        var consumer = grains.GetGrain<IPresenceShardGrain>(streamId.GetKeyAsString());
        foreach (var batch in events.Cast<DeltaBatch>())
        {
            await consumer.Enqueue(batch);
        }
    }
}
