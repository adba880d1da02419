namespace Presence.EndToEnd.Tests;

/// <summary>What an operator of an application finds and does in the dashboard, in Chromium.</summary>
[Collection(nameof(TimedPages))]
[Trait("Category", "Browser")]
public sealed class DashboardTests(ITestOutputHelper output)
{
    [SkippableFact]
    public async Task Pages_show_what_the_server_says_when_it_is_late_or_differs_from_the_browser()
    {
        var chromium = Places.Chromium();
        NodeScripts.Require();
        output.WriteLine(await NodeScripts.RunAsync("pages-alone.mjs", [chromium, HostFiles.Root], seconds: 240));
    }

    [SkippableFact]
    public async Task Operator_finds_topics_keys_and_nodes_and_acts_on_them()
    {
        var chromium = Places.Chromium();
        NodeScripts.Require();
        await using var silo = await SiloProcess.StartAsync(ThreeSilos.Options);
        output.WriteLine(await NodeScripts.RunAsync(
            "dashboard.mjs", [chromium, Places.Results, SiloProcess.Password, .. silo.Nodes], seconds: 180));
        Assert.Contains("Admin admin from", silo.Output, StringComparison.Ordinal);
        Assert.Contains("evicted 1 presences of ann from room:mill", silo.Output, StringComparison.Ordinal);
        Assert.Contains("disconnected auth_socket:p2", silo.Output, StringComparison.Ordinal);
    }
}
