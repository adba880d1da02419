namespace Presence.Tracker.Shard;

/// <summary>Sizes of a shard's state, for tests of its bounds.</summary>
/// <param name="ContextIntervals">Intervals in all contexts.</param>
/// <param name="Tombstones">Ended replicas that are remembered.</param>
/// <param name="LogDots">Removed dots in all logs.</param>
/// <param name="MinVisible">Identities of which older versions may still arrive.</param>
/// <param name="Held">Known replicas, including this one.</param>
/// <param name="Live">Live entries.</param>
/// <param name="Sessions">Resumable sessions of this node that have tracked here.</param>
internal readonly record struct ShardMeasure(
    int ContextIntervals, int Tombstones, int LogDots, int MinVisible, int Held, int Live, int Sessions);
