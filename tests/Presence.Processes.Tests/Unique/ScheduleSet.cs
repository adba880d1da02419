namespace Presence.Processes.Tests.Unique;

/// <summary>Runs several schedules in parallel, logs each result at once, and sums the results.</summary>
internal sealed class ScheduleSet(string name, Func<int, IReadOnlyList<Fault>> planOf, ITestOutputHelper output)
{
    private readonly ConcurrentBag<Outcome> _outcomes = [];

    public IReadOnlyCollection<Outcome> Outcomes => _outcomes;

    /// <summary>Runs the first seeds, or the one in <c>PRESENCE_SEED</c>.</summary>
    public async Task PlayAsync(int seeds, int atOnce, Func<int, Task<Outcome>> play)
    {
        await using var file = new StreamWriter(
            Path.Combine(HostFiles.Results, $"{name}-{seeds}.log"))
        { AutoFlush = true };
        var progress = TextWriter.Synchronized(file);
        var which = Environment.GetEnvironmentVariable("PRESENCE_SEED") is { Length: > 0 } one
            ? [int.Parse(one, CultureInfo.InvariantCulture)]
            : Enumerable.Range(1, seeds).ToArray();
        await Parallel.ForEachAsync(which, new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (seed, _) =>
        {
            var outcome = await play(seed);
            _outcomes.Add(outcome);
            await progress.WriteLineAsync(outcome.ToString());
        });
    }

    /// <summary>Runs one schedule on three processes.</summary>
    public async Task<Outcome> RunAsync(int seed, UniqueTrio trio)
    {
        try
        {
            await trio.StartAsync();
            return await new ScheduledRun(seed, trio, planOf(seed)).PlayAsync();
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            return new Outcome(
                seed,
                0,
                [],
                [new Finding(FindingKind.NobodyRan, trio.History.Now, "the run", e.Message)],
                trio.Story());
        }
    }

    /// <summary>Reports the results, with the events of schedules with findings, and fails on findings.</summary>
    public void Report(string besides = "")
    {
        var vacant = _outcomes.MaxBy(outcome => outcome.Vacant)!;
        output.WriteLine(
            $"schedules {_outcomes.Count}, faults {_outcomes.Sum(o => o.Faults)}, {besides}"
            + $"terms {_outcomes.Sum(o => o.Terms)}, effects {_outcomes.Sum(o => o.Done)}, "
            + $"rejected {_outcomes.Sum(o => o.Rejected)}, "
            + $"longest vacancy {vacant.Vacant.TotalSeconds:0.00} s (seed {vacant.Seed}), "
            + $"findings {_outcomes.Sum(o => o.Findings.Count)}");
        var bad = _outcomes.Where(outcome => outcome.Findings.Count > 0).OrderBy(outcome => outcome.Seed).ToList();
        foreach (var outcome in bad)
        {
            output.WriteLine(
                $"\nPRESENCE_SEED={outcome.Seed}\n{string.Join('\n', planOf(outcome.Seed))}\n"
                + $"{string.Join('\n', outcome.Findings)}\n{outcome.Story}");
        }

        var findings = bad.SelectMany(o => o.Findings.Select(f => $"seed {o.Seed}: {f}"));
        Assert.True(bad.Count == 0, $"{bad.Count} of {_outcomes.Count} schedules: {string.Join("; ", findings)}");
    }
}
