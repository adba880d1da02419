using Presence.CommandLine;
using Presence.CommandLine.Connections;

namespace Presence.EndToEnd.Tests.Shop;

/// <summary>The dashboard while a crowd shops on three nodes.</summary>
[Collection(nameof(TimedPages))]
public sealed class FiveThousandShopperTests(ITestOutputHelper output)
{
    [SkippableFact]
    [Trait("Category", "Soak")]
    public Task Five_thousand_shoppers_are_counted_exactly_and_shown_in_time() =>
        ShopAsync(count: 5000, ramp: 200, seconds: 35);

    [SkippableFact]
    [Trait("Category", "Browser")]
    public Task Three_hundred_shoppers_are_counted_exactly_and_shown_in_time() =>
        ShopAsync(count: 300, ramp: 100, seconds: 12);

    private async Task ShopAsync(int count, int ramp, int seconds)
    {
        var chromium = Places.Chromium();
        NodeScripts.Require();
        await using var silo = await SiloProcess.StartAsync(ThreeSilos.Options);
        using var report = new StringWriter();
        using var log = new StringWriter();
        using var stop = new CancellationTokenSource();
        // The shoppers run in this process: the test waits for them anyway.
        var crowd = Task.Run(() => ClientProgram.RunAsync(
            [
                "shoppers", "--count", $"{count}", "--ramp", $"{ramp}/s", "--seconds", $"{seconds}",
                "--url", string.Join(',', silo.Nodes), "--password", SiloProcess.Password,
            ],
            new ClientConsole(report, TextWriter.Synchronized(log)),
            stop.Token));
        try
        {
            await ShoppersArriveAsync(silo.Nodes[0], count * 9 / 10, crowd);
            var shown = await NodeScripts.RunAsync(
                "dashboard-load.mjs",
                [chromium, Places.Results, SiloProcess.Password, silo.Nodes[0], silo.Nodes[1], $"{seconds / 3}"],
                seconds: 180);
            var status = await crowd.WaitAsync(TimeSpan.FromMinutes(5));
            output.WriteLine($"{shown}\n{report}");
            Assert.True(status == 0, $"{report}\n{log}");
        }
        finally
        {
            // It must not write to the writers after a failed test has closed them.
            await stop.CancelAsync();
            await ((Task)crowd).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task ShoppersArriveAsync(string node, int count, Task crowd)
    {
        await using var observer = await ShopObserver.OpenAsync(
            new Uri(node), new NodeAccess([], "admin", SiloProcess.Password), CancellationToken.None);
        var shown = await observer.UntilAsync(stats => stats.Shoppers >= count, TimeSpan.FromMinutes(2));
        Assert.True(shown is null, $"only {shown?.Shoppers} of {count} arrived; the crowd is {crowd.Status}");
    }
}
