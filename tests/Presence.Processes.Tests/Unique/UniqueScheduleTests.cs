namespace Presence.Processes.Tests.Unique;

/// <summary>
/// A consistent and an available process on three silos during scheduled faults. Several schedules run in parallel on
/// one server, which is itself stopped, killed and suspended. Every second schedule uses network namespaces where
/// available; the others use relays. <c>PRESENCE_SEED</c> runs one schedule alone and prints its events.
/// </summary>
[Trait("Category", "Postgres")]
public sealed class UniqueScheduleTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Lease = Rules.Lease;

    [SkippableFact]
    public Task Two_schedules_show_no_two_holders_no_old_effect_and_no_late_takeover() => PlayAsync(2, atOnce: 2);

    [SkippableFact]
    [Trait("Category", "Soak")]
    public Task Hundred_schedules_show_no_two_holders_no_old_effect_and_no_late_takeover() => PlayAsync(100, atOnce: 3);

    private async Task PlayAsync(int seeds, int atOnce)
    {
        await using var site = await Site.StartAsync(atOnce);
        var schedules = new ScheduleSet("unique", seed => FaultSchedule.Draw(seed, Lease), output);
        using var stop = new CancellationTokenSource();
        var outages = new ServerOutages(site.Server, seeds);
        var disturbing = outages.RunAsync(stop.Token);
        await schedules.PlayAsync(seeds, atOnce, seed => PlayAsync(schedules, site, seed, outages));
        await stop.CancelAsync();
        await disturbing;
        var outcomes = schedules.Outcomes;
        var (lossy, lost) = (outcomes.Sum(o => o.LossyLines), outcomes.Sum(o => o.LostPackets));
        schedules.Report($"outages of the server {outages.Count}, lossy links {lossy}, dropped packets {lost}, ");
        Assert.True(lossy == 0 || lost > 0, "No packet was dropped on lossy links.");
        // In a few schedules on a busy machine no effect may be rejected; another test covers the rejection.
        Assert.True(
            outcomes.Count < 50 || outcomes.Sum(o => o.Rejected) > 0,
            "No effect was rejected: the resource's check was not exercised.");
    }

    private static async Task<Outcome> PlayAsync(ScheduleSet schedules, Site site, int seed, ServerOutages outages)
    {
        using var place = await site.StartAsync(inNamespaces: seed % 2 == 0);
        await using var trio = new UniqueTrio(
            new UniqueTrioOptions
            {
                Schema = $"s{seed}",
                Lease = Lease,
                Consistent = [ScheduledRun.Processes[0]],
                Available = [ScheduledRun.Processes[1]],
                ResourceAddress = place.ResourceAddress,
            },
            site.Server,
            place.Lines);
        outages.Add(trio);
        try
        {
            return await schedules.RunAsync(seed, trio);
        }
        finally
        {
            outages.Remove(trio);
        }
    }
}
