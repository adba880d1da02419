using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>Within which time what must have become known, derived from the options.</summary>
/// <remarks>
/// <see cref="Quick"/> supposes that the link has lost nothing: one silent heartbeat each way, two comparisons of what is
/// known, and the frames' way. <see cref="Lossy"/> allows for a tenth of all frames to be lost each way: a heartbeat must
/// come through and then a request with its answer, and thirty sampling periods make the chance that they did not far smaller
/// than one in a thousand million.
/// </remarks>
internal sealed class VisibilityBounds
{
    private const int LossySamples = 30;

    public VisibilityBounds(SimulatedClusterOptions options)
    {
        var tracker = options.Tracker;
        var heartbeat = tracker.BroadcastPeriod * (tracker.MaxSilentPeriods + 1);
        var sample = tracker.BroadcastPeriod * tracker.ClockSamplePeriods;
        Quick = (heartbeat * 2) + (sample * 2) + tracker.BroadcastPeriod + tracker.DeltaDelay + (Connectivity.Slowest * 3);
        Lossy = Quick + (sample * LossySamples);
        Down = tracker.EffectiveDownPeriod;
        var deaf = tracker.BroadcastPeriod * 4.5;
        Silence = new[] { Down, deaf > Down / 5 ? deaf : Down / 5 }.Min();
        Forgetting = Down + (tracker.BroadcastPeriod * 3) + options.ProbeTimeout;
        Settling = Down + (options.Frames == FrameBounds.Production ? Quick * 2 : Lossy);
    }

    /// <summary>Change at an owner to its being shown at a member connected to it by a link that loses nothing.</summary>
    public TimeSpan Quick { get; }

    /// <summary>The same over a link that loses up to a tenth of the frames.</summary>
    public TimeSpan Lossy { get; }

    /// <summary>Silence after which a member is held as down, if no probe told before.</summary>
    public TimeSpan Down { get; }

    /// <summary>Silence before which nobody may be held as down, whatever probes say.</summary>
    public TimeSpan Silence { get; }

    /// <summary>Last sign of life of a member to its presences having left.</summary>
    public TimeSpan Forgetting { get; }

    /// <summary>End of all faults to a cluster in which everybody lists the same.</summary>
    public TimeSpan Settling { get; }
}
