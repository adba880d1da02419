using Presence.TestKit.Cluster;
using Presence.TestKit.Network;

namespace Presence.TestKit.Invariants;

/// <summary>
/// During faults: a change is visible on every node connected to its owner within <see cref="VisibilityBounds"/>, and
/// earlier incarnations are not. The longer bound applies to repairs of many frames, because parts that overtake each
/// other are requested again.
/// </summary>
internal sealed class ChangesBecomeVisible(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Sampled()
    {
        foreach (var pair in Cluster.Connectivity.Pairs)
        {
            if (Horizon(pair) is not { } horizon)
            {
                continue;
            }

            pair.FirstChecked = Check(pair.First, pair.Second, pair.FirstChecked, horizon);
            pair.SecondChecked = Check(pair.Second, pair.First, pair.SecondChecked, horizon);
        }
    }

    /// <summary>Returns the time up to which changes must be visible; null if not connected for long enough.</summary>
    private TimeSpan? Horizon(ConnectedPair pair)
    {
        var lossFree = Cluster.Now - Cluster.Bounds.LossFree;
        var lossy = Cluster.Now - Cluster.Bounds.Lossy;
        return !Cluster.HasSmallFrames && pair.LossFreeSince <= lossFree ? lossFree
            : pair.Since <= lossy ? lossy
            : null;
    }

    private int Check(SimulatedNode owner, SimulatedNode at, int next, TimeSpan horizon)
    {
        var log = owner.Local.Log;
        for (; next < log.Count && log[next].At <= horizon; next++)
        {
            CheckChange(owner, at, log[next]);
        }

        if (next == log.Count)
        {
            CheckComplete(owner, at);
        }

        foreach (var shown in at.Shown.Owners)
        {
            if (shown != owner.Self && string.Equals(shown.Node, owner.Name, StringComparison.Ordinal))
            {
                Violated(at, $"still shows {shown}; it is connected to {owner.Self}");
            }
        }

        return next;
    }

    private void CheckChange(SimulatedNode owner, SimulatedNode at, LocalChange change)
    {
        var shown = at.Shown.Find(new PresenceId(owner.Self, change.Slot));
        var visible = change.Ended
            ? shown is null || shown.Sequence > change.Sequence
            : shown is null
                ? owner.Local.HasEndedSince(change.Slot, change.Sequence)
                : shown.Sequence >= change.Sequence;
        if (!visible)
        {
            Violated(at, $"shows {shown?.ToString() ?? "nothing"} of {owner.Self}; {change} is overdue");
        }
    }

    private void CheckComplete(SimulatedNode owner, SimulatedNode at)
    {
        var held = owner.Local.Held;
        if (at.Shown.CountOf(owner.Self) == held.Count)
        {
            return;
        }

        Violated(at, $"shows {at.Shown.CountOf(owner.Self)} of {owner.Self}, which has {held.Count}");
    }
}
