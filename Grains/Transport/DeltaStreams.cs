using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Streams;
using Presence.Grains.Client;
using Presence.Grains.Placement;
using Presence.Grains.Streams;

namespace Presence.Grains.Transport;

/// <summary>The queue of this silo in the stream provider that carries deltas.</summary>
internal sealed class DeltaStreamQueue
{
    public LocalStreamQueue Queue { get; } = new();

    /// <summary>Appends a batch for a shard of this silo; the stream delivers it to the shard's grain.</summary>
    /// <exception cref="InvalidOperationException">The queue is full; the batch was not added.</exception>
    public void Add(string shardKey, DeltaBatch batch) =>
        Add(StreamId.Create(OrleansTransport.StreamNamespace, shardKey), batch);

    internal void Add(StreamId stream, DeltaBatch batch) =>
        Queue.Add(batch.Size(), token => new DeltaEvent(stream, batch, token));
}

/// <summary>The stream provider that carries deltas. A stream is queued on the silo that consumes it.</summary>
internal sealed class DeltaStreams(
    string name, IGrainFactory grains, DeltaStreamQueue queue, ILoggerFactory loggers, TimeProvider time)
    : LocalStreamProvider(name, [queue.Queue], loggers, time)
{
    private readonly GrainReferences<IPinnedSiloGrain> _silos = new(grains);

    public override async Task QueueMessageBatchAsync<T>(
        StreamId streamId,
        IEnumerable<T> events,
        StreamSequenceToken? token,
        Dictionary<string, object>? requestContext)
    {
        // The key of a stream is the key of the grain that consumes it.
        var key = streamId.GetKeyAsString();
        if (!ShardKey.TryParse(key, out var shard))
        {
            throw new ArgumentException($"'{key}' does not name a shard of a silo.", nameof(streamId));
        }

        var silo = _silos[shard.Value.Silo.ToParsableString()];
        foreach (var batch in events.Cast<DeltaBatch>())
        {
            await silo.Enqueue(key, batch);
        }
    }
}
