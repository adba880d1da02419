using Orleans;
using Orleans.Providers.Streams.Common;
using Orleans.Runtime;
using Orleans.Streams;

namespace Presence.Grains.Diffs;

/// <summary>An event of a topic's stream in the queue between its publisher silo and a subscriber.</summary>
[GenerateSerializer]
[Immutable]
[Alias("presence.queued-changes")]
internal sealed class QueuedChanges(StreamId stream, TopicChanges changes, EventSequenceTokenV2 token) : IBatchContainer
{
    [Id(0)]
    public StreamId StreamId { get; } = stream;

    [Id(1)]
    public TopicChanges Changes { get; } = changes;

    [Id(2)]
    public EventSequenceTokenV2 Token { get; } = token;
    public StreamSequenceToken SequenceToken => Token;
    public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>() =>
        Changes is T changes ? [Tuple.Create(changes, SequenceToken)] : [];
    public bool ImportRequestContext() => false;
}
