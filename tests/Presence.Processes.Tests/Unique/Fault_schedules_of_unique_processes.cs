using Presence.Harness.Histories;
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
        var schedules = new ScheduleSet("unique", seed => FaultSchedule.Draw(seed, Lease), output);
        using var stop = new CancellationTokenSource();
        var outages = new ServerOutages(site.Server, seeds);
        var spoiling = outages.RunAsync(stop.Token);
        await schedules.PlayAsync(seeds, atOnce, seed => PlayAsync(schedules, site, seed, outages));
        await stop.CancelAsync();
        await spoiling;

        var outcomes = schedules.Outcomes;
        var (lossy, lost) = (outcomes.Sum(o => o.LossyLines), outcomes.Sum(o => o.LostPackets));
        schedules.Report($"outages of the server {outages.Count}, lossy lines {lossy}, lost packets {lost}, ");
        Assert.True(lossy == 0 || lost > 0, "Lines were to lose packets, and none was lost.");
        // Of a few, on a busy machine, none may catch a holder; that one is refused at all is a test of its own.
        Assert.True(outcomes.Count < 100 || outcomes.Sum(o => o.Refused) > 0, "No effect was ever refused: nothing has tried the resource's check.");
    }

    private static async Task<Outcome> PlayAsync(ScheduleSet schedules, Site site, int seed, ServerOutages outages)
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
            return await schedules.RunAsync(seed, trio, s_rules);
        }
        finally
        {
            outages.Remove(trio);
        }
    }
}

/// <summary>Tests with bounds on time, which other tests would stretch.</summary>
[CollectionDefinition(nameof(AloneOnTheMachine), DisableParallelization = true)]
public sealed class AloneOnTheMachine;
