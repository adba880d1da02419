using System.Collections.Concurrent;
using System.Globalization;

namespace Presence.Tracker.Tests.Simulation.Sessions;

/// <summary>
/// <c>PRESENCE_SESSION_SEEDS=N</c> runs N seeds, <c>PRESENCE_SESSION_SEED=S</c> runs one and prints its trace.
/// </summary>
[Trait("Category", "Simulation")]
public sealed class SessionSimulationTests(SimulationOutput output) : IClassFixture<SimulationOutput>
{
    private const int DefaultSeeds = 300;
    private const int FailuresShown = 5;

    [Fact]
    public void Sessions_never_flap_and_all_nodes_list_the_same()
    {
        if (Number("PRESENCE_SESSION_SEED") is { } one)
        {
            var history = SessionWorkload.Run(one, OptionsOf(one) with { Trace = output.Print });
            Assert.Empty(history.Violations);
            return;
        }

        var seeds = Number("PRESENCE_SESSION_SEEDS") ?? DefaultSeeds;
        var first = Number("PRESENCE_FIRST_SEED") ?? 1;
        var joins = 0;
        var failed = new ConcurrentBag<string>();
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.For((long)first, (long)(first + seeds), parallel, (seed, state) =>
        {
            var history = SessionWorkload.Run((ulong)seed, OptionsOf((ulong)seed));
            Interlocked.Add(ref joins, history.Joins);
            if (history.Violations.Count > 0)
            {
                failed.Add($"seed {seed}: {string.Join("; ", history.Violations.Take(3))}");
                if (failed.Count >= FailuresShown)
                {
                    state.Stop();
                }
            }
        });

        output.Print($"session seeds {seeds}, joins {joins}, violations {failed.Count}");
        Assert.True(failed.IsEmpty, string.Join(Environment.NewLine, failed.Order()));
    }

    internal static SessionHistoryOptions OptionsOf(ulong seed) => new() { HasPartitions = seed % 2 == 0 };

    private static ulong? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text
            ? ulong.Parse(text, CultureInfo.InvariantCulture)
            : null;
}
