namespace Presence.EndToEnd.Tests;

[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class In_the_browser(ThreeSilos members)
{
    [SkippableFact]
    public async Task Three_tabs_on_three_members_see_each_other_come_and_go()
    {
        var chromium = Places.Chromium();
        await NodeScripts.BuildPagesAsync();
        await NodeScripts.RunAsync("browser.mjs", [chromium, Places.Results, .. members.Members], seconds: 120);
    }
}
