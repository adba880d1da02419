using Presence.TestKit.Seam;
using Presence.Tracker.Shard;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>Defects in the changes that observers get.</summary>
internal static class ChangeDefects
{
    internal sealed class DoubleJoinOnRecovery : ShardSeam
    {
        public override void Stepped(ShardEffects effects)
        {
            foreach (var healed in effects.Events.FindAll(e => e.Kind == ReplicaEventKind.Recovered))
            {
                var joins = effects.Changes.FindAll(
                    change => change.Kind == PresenceChangeKind.Joined && change.Entry.Owner == healed.Replica);
                effects.Changes.AddRange(joins);
            }
        }
    }

    internal sealed class DiffOrderWrong : ShardSeam
    {
        public override void Stepped(ShardEffects effects) => effects.Changes.Reverse();
    }

    internal sealed class UpdateLosesIdentity : ShardSeam
    {
        public override void Stepped(ShardEffects effects)
        {
            for (var i = 0; i < effects.Changes.Count; i++)
            {
                if (effects.Changes[i] is { Kind: PresenceChangeKind.Updated, LastShown: { } old } update)
                {
                    effects.Changes[i] = PresenceChange.Left(old, old, LeaveReason.Replaced);
                    effects.Changes.Insert(++i, PresenceChange.Joined(update.Entry));
                }
            }
        }
    }

    internal sealed class LeaveNotPublished : ShardSeam
    {
        public override void Stepped(ShardEffects effects) =>
            effects.Changes.RemoveAll(
                change => change.Kind == PresenceChangeKind.Left && change.Entry.Owner != Node.Self);
    }

    internal sealed class DownReportedAsUntracked : ShardSeam
    {
        public override void Stepped(ShardEffects effects)
        {
            for (var i = 0; i < effects.Changes.Count; i++)
            {
                if (effects.Changes[i] is { Kind: PresenceChangeKind.Left, Reason: LeaveReason.NodeDown } down)
                {
                    effects.Changes[i] = down with { Reason = LeaveReason.Untracked };
                }
            }
        }
    }
}
