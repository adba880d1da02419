using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Streams;
using Presence.Grains.Streams;

namespace Presence.Grains.Diffs;

/// <summary>The queues of this silo in the stream provider of topic changes.</summary>
/// <remarks>
/// There are several, because a queue stops while the subscribers of a new stream are looked up on another silo, which
/// may have failed.
/// </remarks>
internal sealed class DiffQueues
{
    private const int Count = 4;

    public LocalStreamQueue[] Queues { get; } = [.. Enumerable.Range(0, Count).Select(_ => new LocalStreamQueue())];
}

/// <summary>The stream provider of topic changes. A stream is queued on the topic's publisher silo.</summary>
internal sealed class DiffQueueStreams(string name, DiffQueues queues, ILoggerFactory loggers, TimeProvider time)
    : LocalStreamProvider(name, queues.Queues, loggers, time)
{
    private const int BytesBesideMeta = 256;

    public override Task QueueMessageBatchAsync<T>(
        StreamId streamId,
        IEnumerable<T> events,
        StreamSequenceToken? token,
        Dictionary<string, object>? requestContext)
    {
        var queue = queues.Queues[GetQueueForStream(streamId).GetNumericId()];
        foreach (var item in events)
        {
            if (item is not TopicChanges changes)
            {
                throw new NotSupportedException(
                    $"The stream provider '{Name}' carries only topic changes; use another for other events.");
            }

            queue.Add(
                changes.Changes.Sum(c => BytesBesideMeta + (long)c.Entry.Meta.Length),
                place => new QueuedChanges(streamId, changes, place));
        }

        return Task.CompletedTask;
    }
}
