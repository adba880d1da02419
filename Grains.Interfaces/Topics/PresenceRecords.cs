using Orleans;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>Who is present in a topic, as one silo sees it at one moment.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Node">The member that answered.</param>
/// <param name="Presences">In key order (ordinal).</param>
/// <param name="Next">On a page that is not the last: give it as <c>after</c> to get the next; else null.</param>
/// <param name="Known">With a subscription: how much of each member the answering one knew, at least. Else null.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.topic-list")]
public sealed record TopicList(
    [property: Id(0)] string Topic,
    [property: Id(1)] string Node,
    [property: Id(2)] IReadOnlyList<PresenceEntry> Presences,
    [property: Id(3)] string? Next,
    [property: Id(4)] IReadOnlyList<KnownReplica>? Known = null);

/// <summary>How much a silo knows of one member's events in one topic's shard.</summary>
/// <remarks>
/// Lets a reader that changes from one silo to another tell "it has left" from "the new silo has not heard of it yet".
/// </remarks>
/// <param name="Node">The member, held as living.</param>
/// <param name="Incarnation">Its replica; 0: nothing is known of it yet.</param>
/// <param name="Clock">Every event of it up to this one is known.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.known-replica")]
public readonly record struct KnownReplica(
    [property: Id(0)] string Node,
    [property: Id(1)] ulong Incarnation,
    [property: Id(2)] ulong Clock);

/// <summary>Names a presence that was tracked through a grain, and the silo that keeps it.</summary>
/// <param name="Silo">Address of the silo: key of its <see cref="IPresenceLeaseGrain"/>.</param>
/// <param name="Lease">The lease it lives by. Renew it within <see cref="LeaseDuration"/>.</param>
/// <param name="LeaseDuration">How long the lease lasts from its last renewal. Renew after a third of it.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Key">The key.</param>
/// <param name="Ref">Id of the version that was written.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.handle")]
public sealed record PresenceHandle(
    [property: Id(0)] string Silo,
    [property: Id(1)] string Lease,
    [property: Id(2)] TimeSpan LeaseDuration,
    [property: Id(3)] string Topic,
    [property: Id(4)] string Key,
    [property: Id(5)] string Ref);
