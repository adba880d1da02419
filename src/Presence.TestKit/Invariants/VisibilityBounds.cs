using Presence.TestKit.Network;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

/// <summary>The time bounds of the rules, derived from the options.</summary>
/// <remarks>
/// <see cref="LossFree"/> assumes a link without loss: one idle heartbeat each way, two clock comparisons and the delay
/// of the frames. <see cref="Lossy"/> assumes up to 10 % loss each way: a heartbeat, a request and its answer must
/// arrive. Within thirty sampling periods that fails with a probability far below 1 in 10^9.
/// </remarks>
internal sealed class VisibilityBounds
{
    private const int LossySamples = 30;

    public VisibilityBounds(SimulatedClusterOptions options)
    {
        var tracker = options.Tracker;
        var heartbeat = tracker.BroadcastPeriod * (tracker.MaxSilentPeriods + 1);
        var sample = tracker.BroadcastPeriod * tracker.ClockSamplePeriods;
        LossFree = (heartbeat * 2) + (sample * 2) + tracker.BroadcastPeriod + tracker.DeltaDelay
            + (Connectivity.MaxDelay * 3);
        Lossy = LossFree + (sample * LossySamples);
        Down = tracker.EffectiveDownPeriod;
        var probed = tracker.BroadcastPeriod * 4.5;
        MinSilence = new[] { Down, probed > Down / 5 ? probed : Down / 5 }.Min();
        Removal = Down + (tracker.BroadcastPeriod * 3) + options.ProbeTimeout;
        Settling = Down + (options.Frames == FrameBounds.Production ? LossFree * 2 : Lossy);
    }

    /// <summary>Gets the time from a change to its visibility over a link without loss.</summary>
    public TimeSpan LossFree { get; }

    /// <summary>Gets the same over a link that loses up to a tenth of the frames.</summary>
    public TimeSpan Lossy { get; }

    /// <summary>Gets the silence after which a node is down, without probes.</summary>
    public TimeSpan Down { get; }

    /// <summary>Gets the minimum silence before a node may be marked down.</summary>
    public TimeSpan MinSilence { get; }

    /// <summary>Gets the time from the last contact with a node to the leave of its presences.</summary>
    public TimeSpan Removal { get; }

    /// <summary>Gets the time from the end of all faults to equal lists on all nodes.</summary>
    public TimeSpan Settling { get; }
}
