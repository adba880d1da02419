namespace Presence.Tracker.Shard;

/// <summary>
/// Size limits of frames. They are not options: nobody needs to change them, and nodes need not agree on them. The
/// simulation lowers them so that few entries need many frames.
/// </summary>
internal sealed record FrameBounds
{
    public static FrameBounds Production { get; } = new();

    /// <summary>Dots in a delta, after which it is sent at once.</summary>
    public int DeltaDots { get; init; } = 1000;

    /// <summary>Approximate bytes of metadata, keys and topics in a delta, after which it is sent at once.</summary>
    public int DeltaBytes { get; init; } = 128 * 1024;

    /// <summary>Dots in one removal; a removal is never split over frames.</summary>
    public int RemovedDots { get; init; } = 256;

    /// <summary>Approximate bytes of metadata, keys and topics in one repair frame.</summary>
    public int RepairBytes { get; init; } = 64 * 1024;

    /// <summary>Values in one repair response; the requester requests the rest.</summary>
    public int RepairValues { get; init; } = 20_000;

    /// <summary>Removed intervals in one repair frame.</summary>
    public int RemovedIntervals { get; init; } = 8192;

    /// <summary>Intervals of one context in a request; a longer context is reduced.</summary>
    public int ContextIntervals { get; init; } = 64;
}
