namespace Presence.EndToEnd.Tests;

[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class BrowserTests(ThreeSilos nodes)
{
    [SkippableFact]
    public async Task Three_tabs_on_three_nodes_show_joins_and_leaves_of_each_other()
    {
        var chromium = Places.Chromium();
        NodeScripts.Require();
        await NodeScripts.RunAsync("browser.mjs", [chromium, Places.Results, .. nodes.Nodes], seconds: 120);
    }
}
