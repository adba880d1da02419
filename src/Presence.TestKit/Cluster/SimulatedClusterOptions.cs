using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>How a <see cref="SimulatedCluster"/> behaves.</summary>
public sealed class SimulatedClusterOptions
{
    /// <summary>
    /// Options of every member. Default: those of production scaled down by ten or more, so that a second of virtual
    /// time holds ten broadcast periods and a member is held as down after 1.2 s of silence.
    /// </summary>
    public TrackerOptions Tracker { get; set; } = ScaledTracker();

    /// <summary>Size limits of every member.</summary>
    public PresenceLimits Limits { get; set; } = new();

    /// <summary>Conditions of every link at the start. Default <see cref="LinkConditions.Good"/>.</summary>
    public LinkConditions Network { get; set; } = LinkConditions.Good;

    /// <summary>How long a probe waits for its answer. Default 150 ms.</summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromMilliseconds(150);

    /// <summary>How long a member that leaves waits for its farewells to be acknowledged. Default 1 s.</summary>
    public TimeSpan FarewellTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Probability that a member is told by membership of another one that started. Default 1.</summary>
    public double JoinHints { get; set; } = 1;

    /// <summary>Probability that a member is told by membership, 0.2 s to 2 s late, of another one that crashed. Default 0.</summary>
    public double GoneHints { get; set; }

    /// <summary>Frames and calls that pile up at a paused member; the oldest are dropped beyond it. Default 2000.</summary>
    public int InboxCapacity { get; set; } = 2000;

    /// <summary>Receives one line per thing that happens; null for none.</summary>
    public Action<string>? Trace { get; set; }

    /// <summary>How much goes into one frame.</summary>
    internal FrameBounds Frames { get; set; } = FrameBounds.Production;

    /// <summary>Makes what stands between a member and its shard; null for nothing.</summary>
    internal Func<ShardSeam>? Seam { get; set; }

    /// <summary>A fresh copy of the scaled-down tracker options.</summary>
    public static TrackerOptions ScaledTracker() => new()
    {
        BroadcastPeriod = TimeSpan.FromMilliseconds(100),
        MaxSilentPeriods = 4,
        DownPeriod = TimeSpan.FromMilliseconds(1200),
        PermDownPeriod = TimeSpan.FromSeconds(4),
        ClockSamplePeriods = 2,
        MaxDeltaSizes = [4, 12, 32],
        DeltaDelay = TimeSpan.FromMilliseconds(20),
    };
}
