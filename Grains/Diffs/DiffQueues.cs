using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Streams;
using Presence.Grains.Streams;

namespace Presence.Grains.Diffs;

/// <summary>The queues of this silo in the stream provider that tells the changes of topics.</summary>
/// <remarks>
/// Several, because a queue stands still while a stream that is new in it looks for its subscribers; the table of those is
/// on any silo, perhaps one that has just died.
/// </remarks>
internal sealed class DiffQueues
{
    private const int Count = 4;

    public LocalStreamQueue[] Queues { get; } = [.. Enumerable.Range(0, Count).Select(_ => new LocalStreamQueue())];
}

/// <summary>
/// The stream provider that tells the changes of topics: a stream is queued on the silo that publishes it, the topic's home.
/// </summary>
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
                    $"The stream provider '{Name}' tells changes of topics and nothing else; set up one of your own.");
            }

            queue.Add(
                changes.Changes.Sum(c => BytesBesideMeta + (long)c.Entry.Meta.Length),
                place => new QueuedChanges(streamId, changes, place));
        }

        return Task.CompletedTask;
    }
}
