using System.Globalization;

namespace Presence.EndToEnd.Tests.Hostile;

/// <summary>
/// As many hostile clients as well-behaved ones, against a host with a heap limit of 768 MiB. Hostile ones never read,
/// flood, ping, join and leave topics, or post to a long poll that they never poll.
/// <c>PRESENCE_SOAK_MINUTES=M</c> sets the duration of the soak, <c>PRESENCE_SOAK_PAIRS=N</c> the number of pairs and
/// <c>PRESENCE_SOAK_CLIENTS=N</c> their clients.
/// </summary>
[Collection(nameof(Floods))]
public sealed class HostileClientTests(ITestOutputHelper output)
{
    private const int MaxLines = 40;

    /// <summary>Clients of the largest of the attacks that the limits were made for.</summary>
    private const int LargestAttempt = 80;

    private static readonly TimeSpan PhaseOfPair = TimeSpan.FromSeconds(20);

    [SkippableFact]
    [Trait("Category", "Cluster")]
    public Task Sixty_well_behaved_clients_lose_nothing_beside_sixty_hostile_ones() =>
        RunAsync(60, TimeSpan.FromSeconds(10), mustBeFlat: false);

    [SkippableFact]
    [Trait("Category", "Soak")]
    public Task Thousand_well_behaved_clients_lose_nothing_beside_a_thousand_hostile_ones() =>
        RunAsync(1000, TimeSpan.FromMinutes(Number("PRESENCE_SOAK_MINUTES", 10)), mustBeFlat: true);

    /// <summary>
    /// Measures and asserts no time: the machine may be busy. Each pair is followed by the same attack on another host
    /// of this machine, which shows what the attack costs the well-behaved clients by its use of the machine alone.
    /// </summary>
    [SkippableFact]
    [Trait("Category", "Soak")]
    public async Task Latency_beside_hostile_clients_is_compared_in_pairs()
    {
        var clients = Number("PRESENCE_SOAK_CLIENTS", LargestAttempt);
        await using var silo = await StartAsync();
        await using var other = await StartAsync();
        await using var good = await WellBehavedClients.JoinAsync(silo.Nodes[0], clients);
        await good.SendAsync(PhaseOfPair);
        var (alone, beside, elsewhere) = (new List<double>(), new List<double>(), new List<double>());
        for (var pair = 0; pair < Number("PRESENCE_SOAK_PAIRS", 7); pair++)
        {
            await MeasureAsync("alone", alone);
            await AttackAsync(silo, good, clients, PhaseOfPair, () => MeasureAsync("beside", beside));
            await good.SettleAsync();
            await AttackAsync(other, good, clients, PhaseOfPair, () => MeasureAsync("elsewhere", elsewhere));
        }

        var (without, with) = (Median(alone), Median(beside));
        var limit = (1.5 * without) + 5;
        var verdict = with <= limit ? "within" : "beyond";
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"median p99 of {clients}: {without:0.0} ms alone, {with:0.0} ms beside as many hostile clients: "
            + $"{verdict} {limit:0.0} ms, 1.5 times + 5 ms; "
            + $"{Median(elsewhere):0.0} ms while another host is attacked"));
        Assert.Empty(good.Faults);

        async Task MeasureAsync(string phase, List<double> percentiles)
        {
            good.Latencies = new Latencies();
            await good.SendAsync(PhaseOfPair);
            percentiles.Add(good.Latencies.Percentile(99));
            output.WriteLine($"{phase}: {good.Latencies}");
        }
    }

    private async Task RunAsync(int clients, TimeSpan duration, bool mustBeFlat)
    {
        await using var silo = await StartAsync();
        await using var memory = new MemorySamples(silo.Nodes[0], output);
        await using var good = await WellBehavedClients.JoinAsync(silo.Nodes[0], clients);
        await AttackAsync(silo, good, clients, duration, async () =>
        {
            memory.Start();
            await good.SendAsync(duration);
        });
        await good.SettleAsync();
        output.WriteLine($"{good.Sent} messages sent; {good.Latencies}");
        output.WriteLine(string.Join('\n', silo.Output.Split('\n').TakeLast(MaxLines)));
        await memory.ReportAsync();
        Assert.Empty(good.Faults);
        Assert.DoesNotContain("OutOfMemory", silo.Output, StringComparison.Ordinal);
        if (mustBeFlat)
        {
            await memory.MustBeFlatAsync();
        }
    }

    private static Task<SiloProcess> StartAsync()
    {
        NodeScripts.Require();
        return SiloProcess.StartAsync(
            ["--Presence:Metrics", "true", SiloProcess.Grace, "10s"],
            variables: new() { ["DOTNET_GCHeapHardLimit"] = "0x30000000" });
    }

    private async Task AttackAsync(
        SiloProcess silo, WellBehavedClients good, int clients, TimeSpan duration, Func<Task> meanwhile) =>
        output.WriteLine(await NodeScripts.RunAsync(
            "hostile.mjs",
            [$"{duration.TotalSeconds}", $"{clients}", $"{good.Rooms}", silo.Nodes[0]],
            meanwhile,
            seconds: 300));

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : otherwise;
}

/// <summary>Tests that load the machine: nothing else runs beside them.</summary>
[CollectionDefinition(nameof(Floods), DisableParallelization = true)]
public sealed class Floods;
