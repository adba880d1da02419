using System.Collections.Concurrent;
using System.Globalization;
using Presence.Harness.Histories;
using Presence.Harness.Members;
using Presence.Harness.Unique;
using Xunit.Abstractions;

namespace Presence.Processes.Tests.Unique;

/// <summary>
/// Consistent mode over PostgreSQL, three processes to a schedule, several schedules side by side on one server, which is itself stopped, killed
/// and held still from time to time. Every second schedule cuts members off in network namespaces where those are to be had; the others, everywhere,
/// at a relay. <c>PRESENCE_SEED</c> plays one schedule alone, with its story.
/// </summary>
[Collection(nameof(AloneOnTheMachine))]
[Trait("Category", "Engine.Postgres")]
public sealed class Fault_schedules_of_unique_processes(ITestOutputHelper output)
{
    private static readonly TimeSpan Lease = Rules.Lease;
    private static readonly UniqueRules s_rules = Rules.Consistent with { MostVacantAfterOutage = TimeSpan.FromSeconds(10) };

    [SkippableFact]
    public Task Of_a_dozen_schedules_none_shows_two_holders_an_old_effect_or_a_late_takeover() => PlayAsync(12, atOnce: 6);

    [SkippableFact]
    [Trait("Category", "Soak")]
    public Task Of_two_hundred_schedules_none_shows_two_holders_an_old_effect_or_a_late_takeover() => PlayAsync(200, atOnce: 6);

    private async Task PlayAsync(int seeds, int atOnce)
    {
        await using var site = await Site.StartAsync(atOnce);
        var outcomes = new ConcurrentBag<Outcome>();
        await using var file = new StreamWriter(Path.Combine(HostFiles.Results, $"unique-{seeds}.log")) { AutoFlush = true };
        var progress = TextWriter.Synchronized(file);
        using var stop = new CancellationTokenSource();
        var outages = new ServerOutages(site.Server, seeds);
        var spoiling = outages.RunAsync(stop.Token);
        var which = Environment.GetEnvironmentVariable("PRESENCE_SEED") is { Length: > 0 } one
            ? [int.Parse(one, CultureInfo.InvariantCulture)]
            : Enumerable.Range(1, seeds).ToArray();
        await Parallel.ForEachAsync(
            which,
            new ParallelOptions { MaxDegreeOfParallelism = atOnce },
            async (seed, _) =>
            {
                var outcome = await PlayAsync(site, seed, outages);
                outcomes.Add(outcome);
                await progress.WriteLineAsync(outcome.ToString());
            });
        await stop.CancelAsync();
        await spoiling;
        Report(outcomes, outages.Count);
    }

    private static async Task<Outcome> PlayAsync(Site site, int seed, ServerOutages outages)
    {
        using var place = await site.EnterAsync(inNamespaces: seed % 2 == 0);
        await using var trio = new UniqueTrio(
            new UniqueTrioOptions
            {
                Schema = $"s{seed}",
                Mode = "Consistent",
                Lease = Lease,
                Processes = ScheduledRun.Processes,
                ResourceAddress = place.ResourceAddress,
            },
            place.Lines);
        outages.Add(trio);
        try
        {
            await trio.StartAsync();
            return await new ScheduledRun(seed, trio, FaultSchedule.Draw(seed, Lease), s_rules).PlayAsync();
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            return new Outcome(seed, 0, [], [new Finding(FindingKind.NobodyRan, trio.History.Now, "the run", e.Message)], trio.Story());
        }
        finally
        {
            outages.Remove(trio);
        }
    }

    private void Report(ConcurrentBag<Outcome> outcomes, int outages)
    {
        var vacant = outcomes.MaxBy(outcome => outcome.Vacant)!;
        output.WriteLine(
            $"schedules {outcomes.Count}, faults {outcomes.Sum(o => o.Faults)}, outages of the server {outages}, "
            + $"lossy lines {outcomes.Sum(o => o.LossyLines)}, lost packets {outcomes.Sum(o => o.LostPackets)}, terms {outcomes.Sum(o => o.Terms)}, effects "
            + $"{outcomes.Sum(o => o.Done)}, refused {outcomes.Sum(o => o.Refused)}, longest vacancy {vacant.Vacant.TotalSeconds:0.00} s (seed {vacant.Seed}), "
            + $"findings {outcomes.Sum(o => o.Findings.Count)}");
        var bad = outcomes.Where(outcome => outcome.Findings.Count > 0).OrderBy(outcome => outcome.Seed).ToList();
        foreach (var outcome in bad)
        {
            var plan = string.Join('\n', FaultSchedule.Draw(outcome.Seed, Lease));
            output.WriteLine($"\nPRESENCE_SEED={outcome.Seed}\n{plan}\n{string.Join('\n', outcome.Findings)}\n{outcome.Story}");
        }

        Assert.True(bad.Count == 0, $"{bad.Count} of {outcomes.Count} schedules: {string.Join("; ", bad.SelectMany(o => o.Findings.Select(f => $"seed {o.Seed}: {f}")))}");
        Assert.True(
            outcomes.Sum(o => o.LossyLines) == 0 || outcomes.Sum(o => o.LostPackets) > 0, "Lines were to lose packets, and none was lost.");
        // Of a few, on a busy machine, none may catch a holder; that one is refused at all is a test of its own.
        Assert.True(outcomes.Count < 100 || outcomes.Sum(o => o.Refused) > 0, "No effect was ever refused: nothing has tried the resource's check.");
    }
}

/// <summary>Tests with bounds on time, which other tests would stretch.</summary>
[CollectionDefinition(nameof(AloneOnTheMachine), DisableParallelization = true)]
public sealed class AloneOnTheMachine;
