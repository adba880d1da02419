using Presence.Node.Sessions;
using Presence.Tracker.Shard;

namespace Presence.Tracker.Tests.Simulation.Sessions;

/// <summary>The simulation of sessions must detect every deliberate defect.</summary>
[Trait("Category", "Simulation")]
public sealed class SessionDefectTests(SimulationOutput output) : IClassFixture<SimulationOutput>
{
    private const ulong MaxSeeds = 300;

    /// <summary>Defects of the session table; <see cref="DirectedSessionTests"/> detects the others.</summary>
    public static TheoryData<string> OfTable =>
    [
        nameof(SessionDefect.SupersededStays), nameof(SessionDefect.ForgetsSuccessor),
        nameof(SessionDefect.AcceptsEarlierToken), nameof(SessionDefect.HandOverCountsAsResume),
        nameof(SessionDefect.KeepsUntracked),
        nameof(SessionDefect.FormerOwnerWrites), nameof(SessionDefect.IgnoresHeld),
        nameof(SessionDefect.ExpiresAfterPause), nameof(SessionDefect.IgnoresTokenGeneration),
        nameof(SessionDefect.TrustsHandOver), nameof(SessionDefect.AdoptsNothing),
        nameof(SessionDefect.ReleasesTwice),
    ];

    /// <summary>Defects of the view in the shard; others are shown by its unit tests.</summary>
    public static TheoryData<string> OfView =>
        [nameof(ShardDefect.TellsLeavesAtOnce), nameof(ShardDefect.TellsEqualRefs)];

    [Theory]
    [MemberData(nameof(OfTable))]
    public void Simulation_detects_a_defect_of_the_table(string name) =>
        Detect(name, new SessionHistoryOptions { SessionDefect = Enum.Parse<SessionDefect>(name) });

    [Theory]
    [MemberData(nameof(OfView))]
    public void Simulation_detects_a_defect_of_the_view(string name) =>
        Detect(name, new SessionHistoryOptions { ShardDefect = Enum.Parse<ShardDefect>(name) });

    private void Detect(string name, SessionHistoryOptions options)
    {
        for (var seed = 1UL; seed <= MaxSeeds; seed++)
        {
            var history = SessionWorkload.Run(seed, options with { HasPartitions = seed % 2 == 0 });
            if (history.Violations.Count > 0)
            {
                output.Print($"defect '{name}' detected at seed {seed}: {history.Violations[0]}");
                return;
            }
        }

        Assert.Fail($"The defect '{name}' was not detected in {MaxSeeds} seeds.");
    }
}
