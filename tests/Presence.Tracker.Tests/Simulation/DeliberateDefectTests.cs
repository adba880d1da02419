namespace Presence.Tracker.Tests.Simulation;

/// <summary>The simulation must detect every defect of the list.</summary>
[Trait("Category", "Simulation")]
public sealed class DeliberateDefectTests(SimulationOutput output) : IClassFixture<SimulationOutput>
{
    /// <summary>Names of the defects.</summary>
    public static TheoryData<string> Names => [.. DeliberateDefects.All.Select(defect => defect.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Simulation_detects(string name)
    {
        var defect = DeliberateDefects.All.Single(one => one.Name == name);
        for (var seed = 1UL; seed <= (ulong)defect.MaxSeeds; seed++)
        {
            if (defect.Run(seed, defect.Seam) is [var violation, ..])
            {
                output.Print($"defect '{name}' detected at seed {seed}: {violation}");
                return;
            }
        }

        Assert.Fail($"The defect '{name}' was not detected in {defect.MaxSeeds} seeds.");
    }

    [Fact]
    public void Directed_histories_violate_nothing_without_their_defect()
    {
        foreach (var defect in DeliberateDefects.All.Where(defect => defect.Directed is not null))
        {
            for (var seed = 1UL; seed <= (ulong)defect.MaxSeeds; seed++)
            {
                Assert.Empty(defect.Run(seed, null));
            }
        }
    }

    [Fact]
    public void Defects_are_at_least_fifteen_with_unique_names()
    {
        Assert.True(DeliberateDefects.All.Count >= 15);
        Assert.Equal(DeliberateDefects.All.Count,
            DeliberateDefects.All.Select(defect => defect.Name).Distinct().Count());
    }
}
