using Presence.TestKit.Chaos;
using Presence.TestKit.Seam;
using Presence.Tracker.Shard;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>A defect that an implementation could have.</summary>
/// <param name="MaxSeeds">Seeds within which the simulation must detect it.</param>
/// <param name="Directed">The history to simulate; null for a random one with every fault.</param>
internal sealed record DeliberateDefect(
    string Name,
    Func<ShardSeam> Seam,
    int MaxSeeds = 20,
    Func<ulong, Func<ShardSeam>?, IReadOnlyList<Violation>>? Directed = null)
{
    /// <summary>Returns the violations of the history of a seed.</summary>
    public IReadOnlyList<Violation> Run(ulong seed, Func<ShardSeam>? seam) =>
        Directed?.Invoke(seed, seam) ?? ClusterChaosRun.Run(seed, trace: null, seam).Violations;
}

/// <summary>The defects that the simulation must detect.</summary>
internal static class DeliberateDefects
{
    public static IReadOnlyList<DeliberateDefect> All { get; } =
    [
        // Contents of frames.
        new("removes ignored", () => new FrameDefects.RemovesIgnored()),
        new("removal apart from its tick", () => new FrameDefects.RemovalApartFromItsTick()),
        new("bare context trusted", () => new FrameDefects.BareContextTrusted()),
        new("gaps closed", () => new FrameDefects.GapsClosed()),
        new("repair without removals", () => new FrameDefects.RepairWithoutRemovals()),
        new("no repair requested", () => new FrameDefects.NoRepairRequested()),
        new("repair loses metadata", () => new FrameDefects.RepairLosesMetadata()),
        new("recovery on any response", () => new FrameDefects.RecoveryOnAnyResponse(), 60),
        new("ordered parts in any order", () => new FrameDefects.OrderedPartsInAnyOrder(),
            Directed: DirectedHistories.LostPartsBeyondTheRemovalLog),
        new("response with the announced counter", () => new FrameDefects.ResponseWithAnnouncedCounter(),
            Directed: DirectedHistories.RecoveryWithUnsentChanges),
        new("update taken for a new presence", () => new FrameDefects.UpdateTakenForANewPresence()),

        new("removal without a tick", () => new PlantedDefect(ShardDefect.RemovalWithoutTick)),
        new("index falling back to an older dot", () => new PlantedDefect(ShardDefect.FallsBackToAnOlderVersion), 200),

        // Identity of nodes.
        new("old incarnation accepted", () => new NodeDefects.OldIncarnationAccepted()),
        new("ended incarnation accepted from a peer", () => new NodeDefects.EndedAcceptedFromAPeer()),
        new("incarnation reused", () => new NodeDefects.IncarnationReused()),
        new("replaced without a tombstone", () => new PlantedDefect(ShardDefect.ReplacedWithoutTombstone),
            Directed: DirectedHistories.LateFrameOfAReplacedIncarnation),
        new("name conflict ignored", () => new NodeDefects.NameConflictIgnored()),
        new("other pool sizes ignored", () => new NodeDefects.OtherPoolSizesIgnored()),

        // Failure detection.
        new("probe ignored", () => new NodeDefects.ProbeIgnored()),
        new("leave frame ignored", () => new NodeDefects.LeaveIgnored()),
        new("membership ignored", () => new NodeDefects.MembershipIgnored()),

        // Published changes.
        new("double join on recovery", () => new ChangeDefects.DoubleJoinOnRecovery()),
        new("diff order wrong", () => new ChangeDefects.DiffOrderWrong()),
        new("update loses identity", () => new ChangeDefects.UpdateLosesIdentity()),
        new("leave not published", () => new ChangeDefects.LeaveNotPublished()),
        new("down reported as untracked", () => new ChangeDefects.DownReportedAsUntracked()),
    ];
}
