namespace Presence.EndToEnd.Tests;

/// <summary>What shoppers and admins see in Chromium, on three members of one host.</summary>
[Collection(nameof(TimedPages))]
[Trait("Category", "Browser")]
public sealed class The_shop_and_its_dashboard(ITestOutputHelper output)
{
    [SkippableFact]
    public async Task Carts_are_one_over_tabs_and_members_and_the_admin_sees_it_at_once()
    {
        var chromium = Places.Chromium();
        await NodeScripts.BuildPagesAsync();
        // A host of its own: the shop must be empty, and one pair is sold for good.
        await using var silo = await SiloProcess.StartAsync(ThreeSilos.Options);
        output.WriteLine(await NodeScripts.RunAsync(
            "shop.mjs",
            [chromium, Places.Results, SiloProcess.Password, .. silo.Members],
            seconds: 180));
        Assert.DoesNotContain(SiloProcess.Password, silo.Output, StringComparison.Ordinal);
    }
}
