using Orleans.Providers.Streams.Common;
using Orleans.Runtime;
using Orleans.Streams;
using Presence.Node;

namespace Presence.Grains.Transport;

/// <summary>Frames from one node to one shard of another, in the order of sending.</summary>
/// <remarks>
/// The frames are encoded by the tracker's versioned codecs; Orleans serializes only this envelope, so that different
/// versions interoperate during a rolling upgrade. Add no meaning to the bytes here.
/// </remarks>
/// <param name="From">Name of the sending node.</param>
/// <param name="FromSilo">Address of the sending silo, generation included: <c>10.0.0.1:11111@268</c>.</param>
/// <param name="Frames">At least one frame. Must not be modified.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.delta-batch")]
internal sealed record DeltaBatch(
    [property: Id(0)] string From,
    [property: Id(1)] string FromSilo,
    [property: Id(2)] ClusterFrame[] Frames)
{
    /// <summary>Returns the size of all frames in bytes.</summary>
    public long Size() => Frames.Sum(frame => (long)frame.Body.Length);
}

/// <summary>The serialized form of <see cref="ClusterFrame"/>.</summary>
[GenerateSerializer]
[Alias("presence.frame")]
internal struct ClusterFrameSurrogate
{
    [Id(0)]
    public string Channel { get; set; }

    [Id(1)]
    public int Shard { get; set; }

    [Id(2)]
    public ReadOnlyMemory<byte> Body { get; set; }

    /// <summary>Earlier versions skip it.</summary>
    [Id(3)]
    public string? TraceParent { get; set; }
}

/// <summary>Converts between <see cref="ClusterFrame"/> and its serialized form.</summary>
[RegisterConverter]
internal sealed class ClusterFrameConverter : IConverter<ClusterFrame, ClusterFrameSurrogate>
{
    public ClusterFrame ConvertFromSurrogate(in ClusterFrameSurrogate surrogate) =>
        new(surrogate.Channel, surrogate.Shard, surrogate.Body) { TraceParent = surrogate.TraceParent };

    public ClusterFrameSurrogate ConvertToSurrogate(in ClusterFrame value) =>
        new()
        {
            Channel = value.Channel,
            Shard = value.Shard,
            Body = value.Body,
            TraceParent = value.TraceParent,
        };
}

/// <summary>A batch in the stream queue of the receiving silo. Never leaves that silo.</summary>
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

    public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>() =>
        Batch is T batch ? [Tuple.Create(batch, SequenceToken)] : [];

    public bool ImportRequestContext() => false;
}
