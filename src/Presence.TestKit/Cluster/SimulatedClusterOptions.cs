using Presence.TestKit.Seam;
using Presence.Tracker;
using Presence.Tracker.Options;
using Presence.Tracker.Shard;

namespace Presence.TestKit;

/// <summary>Options of a <see cref="SimulatedCluster"/>.</summary>
public sealed class SimulatedClusterOptions
{
    /// <summary>
    /// Options of every node. Default: durations a tenth of production or less, so that a broadcast period is 100 ms
    /// and a node is down after 1.2 s of silence.
    /// </summary>
    public TrackerOptions Tracker { get; set; } = ScaledTracker();

    /// <summary>Size limits of every node.</summary>
    public PresenceLimits Limits { get; set; } = new();

    /// <summary>Conditions of every link at the start. Default <see cref="LinkConditions.Good"/>.</summary>
    public LinkConditions Network { get; set; } = LinkConditions.Good;

    /// <summary>How long a probe waits for its answer. Default 150 ms, at most 24 days.</summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromMilliseconds(150);

    /// <summary>How long a leaving node waits for acknowledgements. Default 1 s, at most 24 days.</summary>
    public TimeSpan LeaveTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Probability of a membership notification about a started node. Default 1.</summary>
    public double JoinHints { get; set; } = 1;

    /// <summary>Probability of a membership notification, 0.2 s to 2 s late, about a crashed node. Default 0.</summary>
    public double GoneHints { get; set; }

    /// <summary>Maximum queued frames and calls of a paused node; then the oldest are dropped. Default 2000.</summary>
    public int InboxCapacity { get; set; } = 2000;

    /// <summary>Receives one line per event; null for none.</summary>
    public Action<string>? Trace { get; set; }

    /// <summary>Size limits of frames.</summary>
    internal FrameBounds Frames { get; set; } = FrameBounds.Production;

    /// <summary>Creates the seam between a node and its shard; null for none.</summary>
    internal Func<ShardSeam>? Seam { get; set; }

    /// <summary>Returns a new instance of the default of <see cref="Tracker"/>.</summary>
    public static TrackerOptions ScaledTracker() => new()
    {
        BroadcastPeriod = TimeSpan.FromMilliseconds(100),
        MaxSilentPeriods = 4,
        DownPeriod = TimeSpan.FromMilliseconds(1200),
        PermDownPeriod = TimeSpan.FromSeconds(4),
        ClockSamplePeriods = 2,
        MaxDeltaSizes = [4, 12, 32],
        DeltaDelay = TimeSpan.FromMilliseconds(100),
    };

    /// <exception cref="ArgumentException">A value breaks a rule; the message names both.</exception>
    internal void Validate()
    {
        Tracker.Validate();
        Limits.Validate();
        var rules = new OptionRules("SimulatedClusterOptions.");
        rules.RequireWait(ProbeTimeout >= TimeSpan.Zero, ProbeTimeout, "must not be negative");
        rules.RequireWait(LeaveTimeout >= TimeSpan.Zero, LeaveTimeout, "must not be negative");
    }
}
