namespace Presence.EndToEnd.Tests;

[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class In_the_browser(ThreeSilos members)
{
    [SkippableFact]
    public async Task Three_tabs_on_three_members_see_each_other_come_and_go()
    {
        var named = Environment.GetEnvironmentVariable("PRESENCE_CHROMIUM");
        var chromium = named is { Length: > 0 } ? named : Places.Find("chromium", "chromium-browser", "google-chrome");
        if (!File.Exists(chromium) && Places.Required("browser"))
        {
            Assert.Fail("Chromium is not here, and PRESENCE_REQUIRE names browser.");
        }

        Skip.IfNot(File.Exists(chromium), "Chromium is not here; install it or name it in PRESENCE_CHROMIUM.");
        await NodeScripts.BuildPagesAsync();
        await NodeScripts.RunAsync("browser.mjs", [chromium!, Places.Results, .. members.Members], seconds: 120);
    }
}
