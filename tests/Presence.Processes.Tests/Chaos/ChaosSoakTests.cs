namespace Presence.Processes.Tests.Chaos;

/// <summary>
/// A thousand users in a hundred rooms on three nodes, and two Orleans clients with a thousand presences and five
/// hundred subscriptions each, during twenty minutes of random faults of nodes, database and links.
/// <c>PRESENCE_SOAK_MINUTES=M</c> sets the duration, <c>PRESENCE_SEED=S</c> the seed.
/// </summary>
[Trait("Category", "Postgres")]
[Trait("Category", "Soak")]
public sealed class ChaosSoakTests(ITestOutputHelper output)
{
    private const int People = 1000;

    /// <summary>A limit for what is not itself measured, on a busy machine.</summary>
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    /// <summary>Longer than the detection of a dead silo: lost presences and ghosts show by then.</summary>
    private static readonly TimeSpan Afterwards = TimeSpan.FromSeconds(10);

    [SkippableFact]
    public async Task Twenty_minutes_of_faults_leave_neither_ghosts_nor_losses()
    {
        var (length, seed) = (
            TimeSpan.FromMinutes(Number("PRESENCE_SOAK_MINUTES", 20)), Number("PRESENCE_SEED", 20261121));
        var random = new Random(seed);
        await using var site = await ChaosSite.OpenAsync();
        var history = site.Cluster.History;
        await using var crowd = await Crowd.GatherAsync(People, () => site.Nodes, history, seed);
        await using var clients = await ClientCrowd.StartAsync(site.Cluster);
        await using var report = new ChaosReport(seed, site.Lacks, output);
        report.WriteLine($"{People} users were present after {(await crowd.AgreeAsync(Generous)).TotalSeconds:0.0} s");
        await clients.AgreeAsync(Generous);
        var begun = history.Now;
        while (history.Now - begun < length)
        {
            await EndureAsync(site.Next(random), site, crowd, clients, random, report);
        }

        await MustStayAsItIsAsync(history);
        report.Conclude(history.Now - begun, crowd, history.Events);
        report.WriteLine($"{clients.Updates} updates of Orleans clients");
        foreach (var (line, count) in site.ErrorLines())
        {
            report.WriteLine($"{count,5} x error: {line}");
            if (!ExpectedErrors.Contain(line))
            {
                report.Find([$"an error line that no operator could act on: {line}"]);
            }
        }

        report.WriteLine($"{site.Losses.Count} links dropped {site.Losses.Sum(loss => loss.Packets)} packets");
        Assert.True(
            site.Losses.Count == 0 || site.Losses.Any(loss => loss.Packets > 0),
            "No packet was dropped on lossy links.");
        Assert.Empty(report.Findings);
    }

    private static async Task EndureAsync(
        IReadOnlyList<FaultInjection> strikes,
        ChaosSite site,
        Crowd crowd,
        ClientCrowd clients,
        Random random,
        ChaosReport report)
    {
        var history = site.Cluster.History;
        var from = history.Now;
        report.Begin(strikes, from);
        crowd.Live();
        var updates = clients.UpdateAsync(random);
        await Task.WhenAll(strikes.Select(strike => strike.Begin()));
        await EndAsync(strikes);
        await site.ReplaceDeadAsync();

        var ended = history.Now;
        await crowd.CalmAsync();
        await updates;
        await crowd.AgreeAsync(Generous);
        await clients.AgreeAsync(Generous);
        var agreed = history.Now;
        await Task.WhenAll(site.Nodes.Select(node => crowd.CountedByAsync(node, Generous)));
        var counted = history.Now;
        // A leave may be lost too if another fault occurs meanwhile.
        if (strikes.Any(strike => strike.LooksLikeDeath || (strikes.Count > 1 && strike.Name == ChaosSite.Leave)))
        {
            report.Excuse(new Excuse(from, agreed));
        }

        foreach (var strike in strikes)
        {
            if (strike.LooksLikeDeath && strike.IsOfLines)
            {
                clients.Excuses.Cut(strike.Node, from, ended);
            }
            else if (strike.Node is { } node && (strike.LooksLikeDeath || strike.NeedsDatabaseToEnd))
            {
                clients.Excuses.Lost(node, from, ended);
            }
        }

        report.Find(clients.UnexplainedLeaves());
        report.Agreed(agreed - ended, counted - ended, history.Events);
    }

    /// <summary>Ends each fault after its duration; nodes are replaced once the database is back.</summary>
    private static async Task EndAsync(IReadOnlyList<FaultInjection> strikes)
    {
        var outage = strikes.Where(strike => strike.IsOutage).Select(strike => strike.Lasts).DefaultIfEmpty().Max();
        var begun = TimeProvider.System.GetTimestamp();
        foreach (var (strike, ends) in strikes
            .Select(
                strike => (strike, Ends: strike.NeedsDatabaseToEnd && outage > strike.Lasts ? outage : strike.Lasts))
            .OrderBy(turn => turn.Ends)
            .ThenBy(turn => turn.strike.NeedsDatabaseToEnd))
        {
            var left = ends - TimeProvider.System.GetElapsedTime(begun);
            await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero);
            await strike.End();
        }
    }

    /// <summary>Checks that no client receives changes while no user acts.</summary>
    private static async Task MustStayAsItIsAsync(History history)
    {
        var since = history.Now;
        await Task.Delay(Afterwards);
        Assert.DoesNotContain(history.Events, seen => seen.At > since && seen is SawDiff or SawState);
    }

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : otherwise;
}
