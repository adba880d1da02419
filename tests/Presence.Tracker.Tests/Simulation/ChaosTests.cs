using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Presence.TestKit.Chaos;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>
/// <c>PRESENCE_SEEDS=N</c> runs N seeds (default 500), <c>PRESENCE_FIRST_SEED=S</c> begins at S (default 1),
/// <c>PRESENCE_SEED=S</c> runs one seed and prints its trace.
/// </summary>
[Trait("Category", "Simulation")]
public sealed class ChaosTests(SimulationOutput output) : IClassFixture<SimulationOutput>
{
    private const int DefaultSeeds = 500;
    private const int FailuresShown = 5;

    [Fact]
    public void Every_seed_keeps_every_rule()
    {
        if (Number("PRESENCE_SEED") is { } one)
        {
            RunOne(one);
            return;
        }

        var seeds = (int)(Number("PRESENCE_SEEDS") ?? DefaultSeeds);
        var first = Number("PRESENCE_FIRST_SEED") ?? 1;
        var tally = new ChaosTally();
        var failed = new ConcurrentBag<ChaosReport>();
        Parallel.For(
            0,
            seeds,
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            (i, state) =>
            {
                var report = Run(first + (ulong)i);
                tally.Add(report);
                if (report.Violations.Count > 0)
                {
                    failed.Add(report);
                    if (failed.Count >= FailuresShown)
                    {
                        state.Stop();
                    }
                }
            });

        output.Print(tally.ToString());
        Assert.True(failed.IsEmpty, Describe(failed));
        tally.AssertMinimums();
    }

    [Fact]
    public void Same_seed_gives_the_same_history()
    {
        Assert.Equal(Traced(7), Traced(7));
        Assert.NotEqual(Traced(7), Traced(8));
    }

    private static string Traced(ulong seed)
    {
        var trace = new StringBuilder();
        ClusterChaosRun.Run(seed, line => trace.AppendLine(line));
        return trace.ToString();
    }

    private static ChaosReport Run(ulong seed)
    {
        try
        {
            return ClusterChaosRun.Run(seed);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"Seed {seed} (PRESENCE_SEED={seed} prints its trace): {e.Message}", e);
        }
    }

    private void RunOne(ulong seed)
    {
        var report = ClusterChaosRun.Run(seed, output.Print);
        output.Print(report.ToString());
        Assert.True(report.Violations.Count == 0, report.ToString());
    }

    private static string Describe(IEnumerable<ChaosReport> failed)
    {
        var text = new StringBuilder("Run one of them again with PRESENCE_SEED=<seed> to see its trace.").AppendLine();
        foreach (var report in failed.OrderBy(report => report.Seed))
        {
            text.AppendLine(report.ToString());
        }

        return text.ToString();
    }

    private static ulong? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text
            ? ulong.Parse(text, CultureInfo.InvariantCulture)
            : null;
}
