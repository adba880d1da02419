namespace Presence.Tracker.Tests.Simulation;

/// <summary>A simulation that finds nothing proves nothing: each defect of the list must be found by it, and by it alone.</summary>
[Trait("Category", "Simulation")]
public sealed class DeliberateDefectTests(SimulationOutput output) : IClassFixture<SimulationOutput>
{
    /// <summary>Names of the defects.</summary>
    public static TheoryData<string> Names => [.. DeliberateDefects.All.Select(defect => defect.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_simulation_catches(string name)
    {
        var defect = DeliberateDefects.All.Single(one => one.Name == name);
        for (var seed = 1UL; seed <= (ulong)defect.MostSeeds; seed++)
        {
            var report = ClusterStorm.Run(seed, trace: null, defect.Seam);
            if (report.Violations.Count > 0)
            {
                output.Print($"defect '{name}' caught at seed {seed}: {report.Violations[0]}");
                return;
            }
        }

        Assert.Fail($"The defect '{name}' stayed unnoticed in {defect.MostSeeds} seeds.");
    }

    [Fact]
    public void There_are_at_least_fifteen_defects_with_names_of_their_own()
    {
        Assert.True(DeliberateDefects.All.Count >= 15);
        Assert.Equal(DeliberateDefects.All.Count, DeliberateDefects.All.Select(defect => defect.Name).Distinct().Count());
    }
}
