using Presence.TestKit;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>A mistake that an implementation could have.</summary>
/// <param name="Name">What goes wrong.</param>
/// <param name="Seam">Makes it go wrong at one member.</param>
/// <param name="MostSeeds">Seeds within which the simulation must notice.</param>
internal sealed record DeliberateDefect(string Name, Func<ShardSeam> Seam, int MostSeeds = 20);

/// <summary>The list of mistakes that the simulation must notice.</summary>
internal static class DeliberateDefects
{
    public static IReadOnlyList<DeliberateDefect> All { get; } =
    [
        new("double join on heal", () => new DoubleJoinOnHeal()),
        new("probe ignored", () => new ProbeIgnored()),
        new("farewell ignored", () => new FarewellIgnored()),
        new("diff order wrong", () => new DiffOrderWrong()),
        new("update loses identity", () => new UpdateLosesIdentity()),
        new("leave not told", () => new LeaveNotTold()),
    ];

    private sealed class DoubleJoinOnHeal : ShardSeam
    {
        public override void Stepped(ShardEffects effects)
        {
            foreach (var healed in effects.Events.FindAll(e => e.Kind == ReplicaEventKind.Healing))
            {
                foreach (var topic in Member.Index.Topics(null, 100))
                {
                    foreach (var entry in Member.List(topic.Topic))
                    {
                        if (entry.Owner == healed.Replica)
                        {
                            effects.Changes.Add(PresenceChange.Joined(entry));
                        }
                    }
                }
            }
        }
    }

    private sealed class ProbeIgnored : ShardSeam
    {
        public override bool Probed(bool answered) => false;
    }

    private sealed class FarewellIgnored : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame is FarewellFrame ? null : frame;
    }

    private sealed class DiffOrderWrong : ShardSeam
    {
        public override void Stepped(ShardEffects effects) => effects.Changes.Reverse();
    }

    private sealed class UpdateLosesIdentity : ShardSeam
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

    private sealed class LeaveNotTold : ShardSeam
    {
        public override void Stepped(ShardEffects effects) =>
            effects.Changes.RemoveAll(change => change.Kind == PresenceChangeKind.Left && change.Entry.Owner != Member.Self);
    }
}
