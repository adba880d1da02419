namespace Presence.Tracker;

/// <summary>Sizes of a shard's state, for tests of its bounds.</summary>
/// <param name="ContextIntervals">Intervals in all contexts.</param>
/// <param name="Graves">Ended replicas remembered.</param>
/// <param name="LogDots">Removed dots in all logs.</param>
/// <param name="Floors">Identities remembered because older versions may still come.</param>
/// <param name="Held">Replicas held, this one included.</param>
/// <param name="Live">Live entries held.</param>
internal readonly record struct ShardMeasure(int ContextIntervals, int Graves, int LogDots, int Floors, int Held, int Live);
