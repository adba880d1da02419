using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>
/// Every version that any member shows was written by its owner, and is shown as it was written; and who is said to have
/// been untracked was.
/// </summary>
internal sealed class OnlyTheWrittenIsShown(SimulatedCluster cluster) : Invariant(cluster)
{
    // A list, because two starts of a member whose clock stepped back may write under one name until they find out.
    private readonly Dictionary<Dot, List<PresenceEntry>> _written = [];

    public override void Stepped(SimulatedMember member, StepCause cause, ShardEffects effects)
    {
        foreach (var change in effects.Changes)
        {
            var entry = change.Entry;
            if (change.Kind != PresenceChangeKind.Left && entry.Owner == member.Self)
            {
                Write(entry);
            }
            else if (Cluster.PoolOf(entry.Owner) is { } pool && pool != member.PoolSize)
            {
                Violated(member, $"{change.Kind} {entry} of a member with another pool size");
            }
            else if (!WasWritten(entry))
            {
                Violated(member, $"{change.Kind} {entry}, which nobody wrote");
            }
            else if (change.Kind == PresenceChangeKind.Left
                && change.Reason is LeaveReason.Untracked or LeaveReason.ProcessEnded
                && !Cluster.HasSmallFrames
                && !Cluster.IsShared(entry.Owner)
                && !Cluster.AllStarts.Any(one => one.Owned.WasEnded(entry)))
            {
                Violated(member, $"left as {change.Reason}: {entry}, which its process did not end");
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
            && written.Meta == entry.Meta && written.Born == entry.Born && written.Previous == entry.Previous);
}
