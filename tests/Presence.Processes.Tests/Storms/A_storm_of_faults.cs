namespace Presence.Processes.Tests.Storms;

/// <summary>
/// A thousand people in a hundred rooms on three members, and twenty minutes of everything that can befall members, their
/// database and the lines between them. <c>PRESENCE_SOAK_MINUTES=M</c> makes it shorter, <c>PRESENCE_SEED=S</c> another.
/// </summary>
[Trait("Category", "Postgres")]
[Trait("Category", "Soak")]
public sealed class A_storm_of_faults(ITestOutputHelper output)
{
    private const int People = 1000;

    /// <summary>A generous time for what is not itself measured, on a busy machine.</summary>
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    /// <summary>Longer than it takes to declare a silo dead: who was forgotten, or would return as a ghost, shows by then.</summary>
    private static readonly TimeSpan Afterwards = TimeSpan.FromSeconds(10);

    [SkippableFact]
    public async Task Leaves_neither_ghosts_nor_losses_whatever_happens_for_twenty_minutes()
    {
        var (length, seed) = (TimeSpan.FromMinutes(Number("PRESENCE_SOAK_MINUTES", 20)), Number("PRESENCE_SEED", 20261121));
        var random = new Random(seed);
        await using var site = await StormSite.OpenAsync();
        var history = site.Cluster.History;
        await using var crowd = await Crowd.GatherAsync(People, () => site.Members, history, seed);
        await using var report = new StormReport(seed, site.Lacks, output);
        report.Say($"{People} people were there after {(await crowd.AgreeAsync(Generous)).TotalSeconds:0.0} s");
        var begun = history.Now;
        while (history.Now - begun < length)
        {
            await EndureAsync(site.Next(random), site, crowd, report);
        }

        await MustStayAsItIsAsync(history);
        report.Conclude(history.Now - begun, crowd, history.Events);
        report.Say($"{site.Losses.Count} lines lost {site.Losses.Sum(loss => loss.Packets)} packets");
        Assert.True(site.Losses.Count == 0 || site.Losses.Any(loss => loss.Packets > 0), "Lines were to lose packets, and none was lost.");
        Assert.Empty(report.Findings);
    }

    private static async Task EndureAsync(IReadOnlyList<Strike> strikes, StormSite site, Crowd crowd, StormReport report)
    {
        var history = site.Cluster.History;
        var from = history.Now;
        report.Begin(strikes, from);
        crowd.Live();
        await Task.WhenAll(strikes.Select(strike => strike.Begin()));
        await EndAsync(strikes);
        await site.ReplaceDeadAsync();

        var ended = history.Now;
        await crowd.CalmAsync();
        await crowd.AgreeAsync(Generous);
        var agreed = history.Now;
        await Task.WhenAll(site.Members.Select(member => crowd.CountedByAsync(member, Generous)));
        var counted = history.Now;
        // A farewell may be lost too if something else befalls the cluster meanwhile.
        if (strikes.Any(strike => strike.LooksLikeDeath || (strikes.Count > 1 && strike.Name == StormSite.Farewell)))
        {
            report.Excuse(new Excuse(from, agreed));
        }

        report.Agreed(agreed - ended, counted - ended, history.Events);
    }

    /// <summary>Each after its time; but members are replaced when their database is back.</summary>
    private static async Task EndAsync(IReadOnlyList<Strike> strikes)
    {
        var outage = strikes.Where(strike => strike.IsOutage).Select(strike => strike.Lasts).DefaultIfEmpty().Max();
        var begun = TimeProvider.System.GetTimestamp();
        foreach (var (strike, ends) in strikes
            .Select(strike => (strike, Ends: strike.NeedsDatabaseToEnd && outage > strike.Lasts ? outage : strike.Lasts))
            .OrderBy(turn => turn.Ends)
            .ThenBy(turn => turn.strike.NeedsDatabaseToEnd))
        {
            var left = ends - TimeProvider.System.GetElapsedTime(begun);
            await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero);
            await strike.End();
        }
    }

    /// <summary>When nobody does anything, nobody is shown anything.</summary>
    private static async Task MustStayAsItIsAsync(History history)
    {
        var since = history.Now;
        await Task.Delay(Afterwards);
        Assert.DoesNotContain(history.Events, seen => seen.At > since && seen is SawDiff or SawState);
    }

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
