using Presence.CommandLine;

namespace Presence.EndToEnd.Tests.Shop;

/// <summary>The dashboard while a crowd shops on three members.</summary>
[Collection(nameof(TimedPages))]
public sealed class Five_thousand_shoppers(ITestOutputHelper output)
{
    [SkippableFact]
    [Trait("Category", "Soak")]
    public Task Are_counted_exactly_and_shown_in_time() => ShopAsync(count: 5000, ramp: 200, seconds: 35);

    [SkippableFact]
    [Trait("Category", "Browser")]
    public Task Three_hundred_are_too() => ShopAsync(count: 300, ramp: 100, seconds: 12);

    private async Task ShopAsync(int count, int ramp, int seconds)
    {
        var chromium = Places.Chromium();
        await NodeScripts.BuildPagesAsync();
        await using var silo = await SiloProcess.StartAsync(ThreeSilos.Options);
        using var report = new StringWriter();
        using var log = new StringWriter();
        // The crowd is a process's worth of work, but one that this test would wait for anyway.
        var crowd = Task.Run(() => ClientProgram.RunAsync(
            [
                "shoppers", "--count", $"{count}", "--ramp", $"{ramp}/s", "--seconds", $"{seconds}",
                "--url", string.Join(',', silo.Members), "--password", SiloProcess.Password,
            ],
            new ClientConsole(report, TextWriter.Synchronized(log)),
            CancellationToken.None));
        await AllAreThereAsync(silo.Members[0], count * 9 / 10, crowd);
        var shown = await NodeScripts.RunAsync(
            "dashboard-load.mjs",
            [chromium, Places.Results, SiloProcess.Password, silo.Members[0], silo.Members[1], $"{seconds / 3}"],
            seconds: 180);
        var status = await crowd.WaitAsync(TimeSpan.FromMinutes(5));
        output.WriteLine($"{shown}\n{report}");
        Assert.True(status == 0, $"{report}\n{log}");
    }

    private static async Task AllAreThereAsync(string member, int wanted, Task crowd)
    {
        await using var observer = await ShopObserver.OpenAsync(
            new Uri(member), new NodeAccess([], "admin", SiloProcess.Password), CancellationToken.None);
        var instead = await observer.UntilAsync(numbers => numbers.Shoppers >= wanted, TimeSpan.FromMinutes(2));
        Assert.True(instead is null, $"only {instead?.Shoppers} of {wanted} came, and the crowd is {crowd.Status}");
    }
}
