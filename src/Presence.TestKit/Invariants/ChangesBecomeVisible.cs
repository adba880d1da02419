using Presence.Crdt;

namespace Presence.TestKit;

/// <summary>
/// While faults last: what changes at an owner is shown at every member connected to it within
/// <see cref="VisibilityBounds"/>, and nothing of its former incarnations is. Where a repair takes many frames the longer
/// bound holds, because parts that overtake each other are asked for again.
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

    /// <summary>Changes up to this time must be shown; null if the pair was not connected for long enough.</summary>
    private TimeSpan? Horizon(ConnectedPair pair)
    {
        var quick = Cluster.Now - Cluster.Bounds.Quick;
        var lossy = Cluster.Now - Cluster.Bounds.Lossy;
        return !Cluster.HasSmallFrames && pair.LossFreeSince <= quick ? quick : pair.Since <= lossy ? lossy : null;
    }

    private int Check(SimulatedMember owner, SimulatedMember at, int next, TimeSpan horizon)
    {
        var log = owner.Owned.Log;
        for (; next < log.Count && log[next].At <= horizon; next++)
        {
            CheckChange(owner, at, log[next]);
        }

        if (next == log.Count)
        {
            CheckWhole(owner, at);
        }

        foreach (var shown in at.Shown.Owners)
        {
            if (shown != owner.Self && string.Equals(shown.Node, owner.Name, StringComparison.Ordinal))
            {
                Violated(at, $"still shows {shown}, although it is connected to {owner.Self}");
            }
        }

        return next;
    }

    private void CheckChange(SimulatedMember owner, SimulatedMember at, OwnedChange change)
    {
        var shown = at.Shown.Find(new PresenceId(owner.Self, change.Slot));
        var visible = change.Ended
            ? shown is null || shown.Sequence > change.Sequence
            : shown is null ? owner.Owned.HasEndedSince(change.Slot, change.Sequence) : shown.Sequence >= change.Sequence;
        if (!visible)
        {
            Violated(at, $"shows {shown?.ToString() ?? "nothing"} of {owner.Self} although {change} became due");
        }
    }

    private void CheckWhole(SimulatedMember owner, SimulatedMember at)
    {
        var held = owner.Owned.Held;
        if (at.Shown.CountOf(owner.Self) == held.Count)
        {
            return;
        }

        Violated(at, $"shows {at.Shown.CountOf(owner.Self)} of {owner.Self}, which has held {held.Count} for long");
    }
}
