using Orleans;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>The presences of a topic on one silo at one moment.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Node">The node that answered.</param>
/// <param name="Presences">The presences, in key order (ordinal).</param>
/// <param name="Next">On every page but the last: the value of <c>after</c> for the next page. Otherwise null.</param>
/// <param name="Known">With a subscription: a lower bound of what the silo knew of each node. Otherwise null.</param>
/// <param name="Rest">
/// With a subscription, or a page of it, that is not the last: read on with <see cref="IPresenceSiloGrain.GetPage"/>.
/// Otherwise null.
/// </param>
/// <param name="Missed">
/// With a subscription by a cursor: what leads from the presences of its holder to the current ones, of which
/// <paramref name="Presences"/> has none then. Null if the silo does not remember enough.
/// </param>
[GenerateSerializer]
[Immutable]
[Alias("presence.topic-list")]
public sealed record TopicList(
    [property: Id(0)] string Topic,
    [property: Id(1)] string Node,
    [property: Id(2)] IReadOnlyList<PresenceEntry> Presences,
    [property: Id(3)] string? Next,
    [property: Id(4)] IReadOnlyList<KnownReplica>? Known = null,
    [property: Id(5)] string? Rest = null,
    [property: Id(6)] IReadOnlyList<PresenceChange>? Missed = null);

/// <summary>What a silo knows of one node's events in one topic's shard.</summary>
/// <remarks>Lets a reader that changes silos distinguish presences that left from those not known yet.</remarks>
/// <param name="Node">The node.</param>
/// <param name="Incarnation">
/// The incarnation of its replica; 0 if nothing is known of it yet; the last one of a silo that is dead.
/// </param>
/// <param name="Clock">The silo knows every event of the replica up to this one.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.known-replica")]
public readonly record struct KnownReplica(
    [property: Id(0)] string Node,
    [property: Id(1)] ulong Incarnation,
    [property: Id(2)] ulong Clock);

/// <summary>Identifies a presence that was tracked through a grain, and the silo that keeps it.</summary>
/// <param name="Silo">Address of the silo: key of its <see cref="IPresenceSiloGrain"/>.</param>
/// <param name="Lease">Id of the presence's lease. Renew it within <see cref="LeaseDuration"/>.</param>
/// <param name="LeaseDuration">Duration of the lease from its last renewal. Renew after a third of it.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Key">The key.</param>
/// <param name="Ref">Id of the version that was written.</param>
/// <param name="Token">
/// Continues the presence on another silo (<see cref="ITopicPresenceGrain.Resume"/>); null if the silos keep it for no
/// grace (<c>Presence:Orleans:LeaseGrace</c>). Anyone who has it can take over the presence.
/// </param>
[GenerateSerializer]
[Immutable]
[Alias("presence.handle")]
public sealed record PresenceHandle(
    [property: Id(0)] string Silo,
    [property: Id(1)] string Lease,
    [property: Id(2)] TimeSpan LeaseDuration,
    [property: Id(3)] string Topic,
    [property: Id(4)] string Key,
    [property: Id(5)] string Ref,
    [property: Id(6)] byte[]? Token = null);
