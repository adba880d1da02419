using Presence.Crdt;
using Presence.TestKit.Cluster;
using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

/// <summary>
/// Every visible version was written by its owner and is unchanged, and every presence reported as untracked was
/// untracked.
/// </summary>
internal sealed class OnlyWrittenPresencesAreVisible(SimulatedCluster cluster) : Invariant(cluster)
{
    // A list, because two starts of a node whose clock went back may share a replica for a while.
    private readonly Dictionary<Dot, List<PresenceEntry>> _written = [];

    public override void Stepped(SimulatedNode node, StepCause cause, ShardEffects effects)
    {
        foreach (var change in effects.Changes)
        {
            var entry = change.Entry;
            if (change.Kind != PresenceChangeKind.Left && entry.Owner == node.Self)
            {
                Write(entry);
            }
            else if (!WasWritten(entry))
            {
                Violated(node, $"{change.Kind} {entry}, which no node wrote");
            }
            else if (change.Kind == PresenceChangeKind.Left
                && change.Reason is LeaveReason.Untracked or LeaveReason.SessionEnded
                && !Cluster.HasSmallFrames
                && !Cluster.IsShared(entry.Owner)
                && !Cluster.AllStarts.Any(one => one.Local.WasEnded(entry)))
            {
                Violated(node, $"left as {change.Reason}: {entry}, which its session did not end");
            }
        }
    }

    private void Write(PresenceEntry entry)
    {
        if (!_written.TryGetValue(entry.Dot, out var versions))
        {
            _written.Add(entry.Dot, versions = new(1));
        }

        versions.Add(entry);
    }

    private bool WasWritten(PresenceEntry entry) =>
        _written.TryGetValue(entry.Dot, out var versions)
        && versions.Exists(written =>
            PresenceSlot.Of(written) == PresenceSlot.Of(entry)
            && written.Meta == entry.Meta
            && written.CreatedSequence == entry.CreatedSequence
            && written.Previous == entry.Previous);
}
