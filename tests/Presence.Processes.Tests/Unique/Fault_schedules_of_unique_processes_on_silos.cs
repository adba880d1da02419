using Presence.Harness.Databases;
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
        PostgresServer.Require();
        await using var site = await Site.StartAsync(AtOnce, inNamespaces: false);
        var schedules = new ScheduleSet($"unique-silos-{mode}", seed => FaultSchedule.DrawForSilos(seed, Rules.Lease), output);
        await schedules.PlayAsync(seeds, AtOnce, seed => PlayAsync(schedules, site, mode, seed));
        schedules.Report();
    }

    private static async Task<Outcome> PlayAsync(ScheduleSet schedules, Site site, string mode, int seed)
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
        return await schedules.RunAsync(seed, trio, mode == "Consistent" ? Rules.Consistent : Rules.AvailableOnSilos);
    }
}
