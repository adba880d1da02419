using Orleans.Metadata;

namespace Presence.Grains.Transport;

/// <summary>Receives frames from other silos for one shard of one silo.</summary>
/// <remarks>
/// Key: <c>silo/shard</c>, where silo is the silo's address with its generation (<c>10.0.0.1:11111@268/0</c>). The
/// activation is pinned to that silo; once the silo is dead every call fails. A restarted silo has a new generation and
/// new grains. Also consumes the stream <c>presence.deltas</c> of the same key.
/// </remarks>
[Alias("Presence.Grains.IPresenceShardGrain")]
[DefaultGrainType("presence-shard")]
internal interface IPresenceShardGrain : IGrainWithStringKey
{
    /// <summary>
    /// Delivers frames to this node. Completes when they are in the shard's mailbox, or dropped because it is full;
    /// they may not have been applied yet.
    /// </summary>
    [Alias("Deliver")]
    Task Deliver(DeltaBatch batch);

    /// <summary>Delivers frames and completes when each of them has been applied: a probe or a leave.</summary>
    /// <returns>The node's response; for several frames, whether all responses were true.</returns>
    /// <exception cref="InvalidOperationException">The silo's node has not started yet or has stopped.</exception>
    [Alias("Request")]
    Task<bool> Request(DeltaBatch batch);
}
