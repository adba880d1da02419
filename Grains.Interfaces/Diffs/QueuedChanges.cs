using Orleans;
using Orleans.Providers.Streams.Common;
using Orleans.Runtime;
using Orleans.Streams;

namespace Presence.Grains;

/// <summary>
/// An event of a topic's stream on its way from the home silo to a subscriber.
/// </summary>
[GenerateSerializer]
[Immutable]
[Alias("presence.queued-changes")]
internal sealed class QueuedChanges(StreamId stream, TopicChanges changes, EventSequenceTokenV2 token) : IBatchContainer
{
    /// <inheritdoc/>
    [Id(0)]
    public StreamId StreamId { get; } = stream;

    /// <summary>The event.</summary>
    [Id(1)]
    public TopicChanges Changes { get; } = changes;

    /// <summary>Its place in the queue.</summary>
    [Id(2)]
    public EventSequenceTokenV2 Token { get; } = token;

    /// <inheritdoc/>
    public StreamSequenceToken SequenceToken => Token;

    /// <inheritdoc/>
    public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>() =>
        Changes is T changes ? [Tuple.Create(changes, SequenceToken)] : [];

    /// <inheritdoc/>
    public bool ImportRequestContext() => false;
}
