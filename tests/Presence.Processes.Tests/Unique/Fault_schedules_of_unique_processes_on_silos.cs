using System.Collections.Concurrent;
using System.Globalization;
using Presence.Harness.Databases;
using Presence.Harness.Histories;
using Presence.Harness.Members;
using Presence.Harness.Unique;
using Xunit.Abstractions;

namespace Presence.Processes.Tests.Unique;

/// <summary>
/// Both modes on three silos to a schedule, where grains arbitrate: killed, stopped, and held still beyond the lease.
/// <c>PRESENCE_SEED</c> plays one schedule alone.
/// </summary>
[Collection(nameof(AloneOnTheMachine))]
[Trait("Category", "Engine.Orleans")]
public sealed class Fault_schedules_of_unique_processes_on_silos(ITestOutputHelper output)
{
    private const int AtOnce = 2;

    [SkippableTheory]
    [InlineData("Consistent")]
    [InlineData("Available")]
    public Task Of_a_few_schedules_none_shows_two_holders_an_old_effect_or_a_late_takeover(string mode) => PlayAsync(mode, 3);

    [SkippableTheory]
    [InlineData("Consistent")]
    [InlineData("Available")]
    [Trait("Category", "Soak")]
    public Task Of_forty_schedules_none_shows_two_holders_an_old_effect_or_a_late_takeover(string mode) => PlayAsync(mode, 40);

    private async Task PlayAsync(string mode, int seeds)
    {
        MemberCluster.Require("orleans");
        await using var site = await Site.StartAsync(AtOnce, inNamespaces: false);
        var outcomes = new ConcurrentBag<Outcome>();
        await using var file = new StreamWriter(Path.Combine(HostFiles.Results, $"unique-silos-{mode}-{seeds}.log")) { AutoFlush = true };
        var progress = TextWriter.Synchronized(file);
        var which = Environment.GetEnvironmentVariable("PRESENCE_SEED") is { Length: > 0 } one
            ? [int.Parse(one, CultureInfo.InvariantCulture)]
            : Enumerable.Range(1, seeds).ToArray();
        await Parallel.ForEachAsync(
            which,
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (seed, _) =>
            {
                var outcome = await PlayAsync(site, mode, seed);
                outcomes.Add(outcome);
                await progress.WriteLineAsync(outcome.ToString());
            });
        Report(outcomes);
    }

    private static async Task<Outcome> PlayAsync(Site site, string mode, int seed)
    {
        using var place = await site.EnterAsync(inNamespaces: false);
        await using var trio = new UniqueTrio(
            new UniqueTrioOptions
            {
                Engine = "orleans",
                Schema = $"silos{seed}",
                Mode = mode,
                Lease = Rules.Lease,
                Processes = ScheduledRun.Processes,
                ResourceAddress = place.ResourceAddress,
            },
            place.Lines);
        try
        {
            await trio.StartAsync();
            return await new ScheduledRun(
                seed,
                trio,
                FaultSchedule.DrawForSilos(seed, Rules.Lease),
                mode == "Consistent" ? Rules.Consistent : Rules.AvailableOnSilos).PlayAsync();
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            return new Outcome(seed, 0, [], [new Finding(FindingKind.NobodyRan, trio.History.Now, "the run", e.Message)], trio.Story());
        }
    }

    private void Report(ConcurrentBag<Outcome> outcomes)
    {
        var vacant = outcomes.MaxBy(outcome => outcome.Vacant)!;
        output.WriteLine(
            $"schedules {outcomes.Count}, faults {outcomes.Sum(o => o.Faults)}, terms {outcomes.Sum(o => o.Terms)}, effects {outcomes.Sum(o => o.Done)}, "
            + $"refused {outcomes.Sum(o => o.Refused)}, longest vacancy {vacant.Vacant.TotalSeconds:0.00} s (seed {vacant.Seed}), "
            + $"findings {outcomes.Sum(o => o.Findings.Count)}");
        var bad = outcomes.Where(outcome => outcome.Findings.Count > 0).OrderBy(outcome => outcome.Seed).ToList();
        foreach (var outcome in bad)
        {
            var plan = string.Join('\n', FaultSchedule.DrawForSilos(outcome.Seed, Rules.Lease));
            output.WriteLine($"\nPRESENCE_SEED={outcome.Seed}\n{plan}\n{string.Join('\n', outcome.Findings)}\n{outcome.Story}");
        }

        Assert.True(bad.Count == 0, $"{bad.Count} of {outcomes.Count} schedules: {string.Join("; ", bad.SelectMany(o => o.Findings.Select(f => $"seed {o.Seed}: {f}")))}");
    }
}
