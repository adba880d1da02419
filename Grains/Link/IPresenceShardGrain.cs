using Orleans.Metadata;

namespace Presence.Grains.Link;

/// <summary>One shard on one silo: what other silos call to reach it.</summary>
/// <remarks>
/// Key: <c>silo/shard</c>, where silo is the address of the silo with its generation (<c>10.0.0.1:11111@268/0</c>).
/// The activation lives on that silo and nowhere else: it is never migrated, and once the silo is dead every call fails. A
/// restarted silo has a new generation and new grains. Also consumes the stream <c>presence.deltas</c> of the same key.
/// </remarks>
[Alias("Presence.Grains.IPresenceShardGrain")]
[DefaultGrainType("presence-shard")]
internal interface IPresenceShardGrain : IGrainWithStringKey
{
    /// <summary>
    /// Delivers frames that are meant for this node alone. Completes when they are in the shard's mailbox or were dropped
    /// because it is full; says nothing about whether they were applied.
    /// </summary>
    [Alias("Deliver")]
    Task Deliver(DeltaBatch batch);

    /// <summary>Delivers frames and completes when each of them has been applied: a probe or a leave.</summary>
    /// <returns>What the node answered; for several frames, whether it answered true to all.</returns>
    /// <exception cref="InvalidOperationException">The silo runs, but its node has not started yet or has stopped.</exception>
    [Alias("Ask")]
    Task<bool> Ask(DeltaBatch batch);
}
