using Orleans;

namespace Presence.Grains;

/// <summary>Frames of one member to one shard of another, in the order in which they were sent.</summary>
/// <remarks>
/// Carries bytes made by the core's own versioned codecs; Orleans serializes only this envelope, so two versions of
/// Presence understand each other during a rolling upgrade. Never add a meaning to the bytes here.
/// </remarks>
/// <param name="From">Name of the sending member.</param>
/// <param name="FromSilo">Address of the sending silo, generation included: <c>10.0.0.1:11111@268</c>.</param>
/// <param name="Frames">At least one. Not written to by anybody.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.delta-batch")]
public sealed record DeltaBatch(
    [property: Id(0)] string From,
    [property: Id(1)] string FromSilo,
    [property: Id(2)] DeltaFrame[] Frames);

/// <summary>One frame: see <see cref="Presence.Node.LinkFrame"/>.</summary>
/// <param name="Channel">A tracker's name, or <c>pubsub</c>.</param>
/// <param name="Shard">Shard of the tracker.</param>
/// <param name="Body">Opaque.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.delta-frame")]
public readonly record struct DeltaFrame(
    [property: Id(0)] string Channel,
    [property: Id(1)] int Shard,
    [property: Id(2)] byte[] Body);
