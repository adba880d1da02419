using Orleans.Providers.Streams.Common;
using Orleans.Runtime;
using Orleans.Streams;

namespace Presence.Grains.Link;

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
