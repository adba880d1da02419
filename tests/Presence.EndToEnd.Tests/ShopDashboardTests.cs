namespace Presence.EndToEnd.Tests;

/// <summary>What shoppers and admins see in Chromium, on three nodes of one host.</summary>
[Collection(nameof(TimedPages))]
[Trait("Category", "Browser")]
public sealed class ShopDashboardTests(ITestOutputHelper output)
{
    [SkippableFact]
    public async Task Cart_is_shared_by_tabs_and_nodes_and_shown_to_the_admin_at_once()
    {
        var chromium = Places.Chromium();
        NodeScripts.Require();
        // A separate host: the shop must be empty, and the test sells one pair.
        await using var silo = await SiloProcess.StartAsync(ThreeSilos.Options);
        output.WriteLine(await NodeScripts.RunAsync(
            "shop.mjs", [chromium, Places.Results, SiloProcess.Password, .. silo.Nodes], seconds: 180));
        Assert.DoesNotContain(SiloProcess.Password, silo.Output, StringComparison.Ordinal);
    }
}
