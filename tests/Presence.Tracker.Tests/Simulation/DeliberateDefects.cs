namespace Presence.Tracker.Tests.Simulation;

/// <summary>A mistake that an implementation could have.</summary>
/// <param name="MostSeeds">Seeds within which the simulation must notice.</param>
internal sealed record DeliberateDefect(string Name, Func<ShardSeam> Seam, int MostSeeds = 20);

/// <summary>The list of mistakes that the simulation must notice.</summary>
internal static class DeliberateDefects
{
    public static IReadOnlyList<DeliberateDefect> All { get; } =
    [
        // What frames teach.
        new("removes ignored", () => new FrameDefects.RemovesIgnored()),
        new("removal apart from its tick", () => new FrameDefects.RemovalApartFromItsTick()),
        new("bare context trusted", () => new FrameDefects.BareContextTrusted()),
        new("gaps closed", () => new FrameDefects.GapsClosed()),
        new("repair without removals", () => new FrameDefects.RepairWithoutRemovals()),
        new("no repair asked for", () => new FrameDefects.NoRepairAskedFor()),
        new("repair forgets metadata", () => new FrameDefects.RepairForgetsMetadata()),
        new("update taken for a new life", () => new FrameDefects.UpdateTakenForANewLife()),

        new("removal without a tick", () => new PlantedDefect(ShardDefect.RemovalWithoutTick)),
        new("index falling back to an older dot", () => new PlantedDefect(ShardDefect.FallsBackToAnOlderVersion), 200),

        // Who is who.
        new("old incarnation accepted", () => new MemberDefects.OldIncarnationAccepted()),
        new("dead incarnation relearned from a peer", () => new MemberDefects.DeadRelearnedFromAPeer()),
        new("incarnation reused", () => new MemberDefects.IncarnationReused()),
        new("namesake ignored", () => new MemberDefects.NamesakeIgnored()),
        new("pool size ignored", () => new MemberDefects.PoolSizeIgnored()),

        // Who lives.
        new("probe ignored", () => new MemberDefects.ProbeIgnored()),
        new("farewell ignored", () => new MemberDefects.FarewellIgnored()),
        new("word of membership ignored", () => new MemberDefects.WordOfMembershipIgnored()),

        // What observers are told.
        new("double join on heal", () => new ChangeDefects.DoubleJoinOnHeal()),
        new("diff order wrong", () => new ChangeDefects.DiffOrderWrong()),
        new("update loses identity", () => new ChangeDefects.UpdateLosesIdentity()),
        new("leave not told", () => new ChangeDefects.LeaveNotTold()),
        new("down told as untracked", () => new ChangeDefects.DownToldAsUntracked()),
    ];
}
