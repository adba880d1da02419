namespace Presence.Tracker;

/// <summary>
/// How much goes into one frame. Not options: nobody needs to change them, and members need not agree on them. The
/// simulation makes them small, so that few entries take many frames.
/// </summary>
internal sealed record FrameBounds
{
    public static FrameBounds Production { get; } = new();

    /// <summary>Dots gathered for a delta, after which it is sent at once.</summary>
    public int DeltaDots { get; init; } = 1000;

    /// <summary>Bytes of metadata, keys and topics gathered for a delta, about, after which it is sent at once.</summary>
    public int DeltaBytes { get; init; } = 128 * 1024;

    /// <summary>Dots that one removal ends: a removal travels in one frame, whole.</summary>
    public int RemovedDots { get; init; } = 256;

    /// <summary>Metadata, keys and topics in one frame of a repair, about.</summary>
    public int RepairBytes { get; init; } = 64 * 1024;

    /// <summary>Values in one answer; the requester asks again for the rest.</summary>
    public int RepairValues { get; init; } = 20_000;

    /// <summary>Dead intervals in one frame of a repair.</summary>
    public int DeadIntervals { get; init; } = 8192;

    /// <summary>Intervals of a context in a request; beyond it only the contiguous prefix is told.</summary>
    public int ContextIntervals { get; init; } = 64;
}
