using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>An update is told as an update: what left by its owner's doing comes back only as something newly born.</summary>
/// <remarks>
/// Of a repair that takes several frames one may be lost between the death of a version and its successor; so this holds
/// where repairs fit one frame.
/// </remarks>
internal sealed class UpdatesKeepIdentity(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<(int Member, PresenceId Id), ulong> _ended = [];

    public override void Stepped(SimulatedMember member, StepCause cause, ShardEffects effects)
    {
        foreach (var e in effects.Events)
        {
            // Who has forgotten the owner may learn of it anew from a frame that was long on its way.
            if (e.Kind == ReplicaEventKind.PermDown)
            {
                foreach (var at in _ended.Keys.Where(at => at.Member == member.Id && at.Id.Owner == e.Replica).ToList())
                {
                    _ended.Remove(at);
                }
            }
        }

        foreach (var change in effects.Changes)
        {
            var at = (member.Id, PresenceId.Of(change.Entry));
            if (change.Kind == PresenceChangeKind.Joined)
            {
                if (_ended.Remove(at, out var born) && born == change.Entry.Born && !Cluster.HasSmallFrames)
                {
                    Violated(member, $"left and joined again instead of an update: {change.Entry}");
                }
            }
            else if (change.Kind == PresenceChangeKind.Left && IsOwnersDoing(change.Reason))
            {
                _ended[at] = change.Entry.Born;
            }
        }
    }

    private static bool IsOwnersDoing(LeaveReason reason) =>
        reason is LeaveReason.Untracked or LeaveReason.ProcessEnded or LeaveReason.Evicted or LeaveReason.Replaced;
}
