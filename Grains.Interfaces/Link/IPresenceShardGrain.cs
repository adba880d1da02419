using Orleans;

namespace Presence.Grains;

/// <summary>The Orleans face of one shard on one silo: what other silos call to reach it.</summary>
/// <remarks>
/// <para>Key: <c>silo/shard</c>, where silo is the address of the silo with its generation (<c>10.0.0.1:11111@268/0</c>).
/// The activation lives on that silo and nowhere else: it is never migrated, and once the silo is gone every call fails
/// with <see cref="Orleans.Runtime.SiloUnavailableException"/>. A restarted silo has a new generation and new grains.</para>
/// <para>Also consumes the stream <c>presence.deltas</c> of the same key. Meant for the engine, not for applications.</para>
/// </remarks>
[Alias("Presence.Grains.IPresenceShardGrain")]
public interface IPresenceShardGrain : IGrainWithStringKey
{
    /// <summary>
    /// Hands frames over. Completes when they are in the shard's mailbox or were dropped because it is full; says nothing
    /// about whether they were applied.
    /// </summary>
    [Alias("Deliver")]
    Task Deliver(DeltaBatch batch);

    /// <summary>
    /// Puts a batch into this silo's queue of the stream <c>presence.deltas</c>; completes when it is in. The stream then
    /// delivers it here.
    /// </summary>
    /// <exception cref="InvalidOperationException">The queue is full.</exception>
    [Alias("Enqueue")]
    Task Enqueue(DeltaBatch batch);

    /// <summary>Hands frames over and completes when each of them has been applied: a probe or a farewell.</summary>
    /// <returns>What the member answered; for several frames, whether it said yes to all.</returns>
    /// <exception cref="InvalidOperationException">The silo runs, but its member has not started yet or has stopped.</exception>
    [Alias("Ask")]
    Task<bool> Ask(DeltaBatch batch);
}
