namespace Presence.EndToEnd.Tests;

public abstract class In_the_browser(ThreeMembers members)
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

    [Collection(nameof(EmbeddedMembers))]
    [Trait("Category", "Engine.Embedded")]
    [Trait("Category", "Browser")]
    public sealed class Embedded(EmbeddedMembers members) : In_the_browser(members);

    [Collection(nameof(PostgresMembers))]
    [Trait("Category", "Engine.Postgres")]
    [Trait("Category", "Browser")]
    public sealed class Postgres(PostgresMembers members) : In_the_browser(members);

    [Collection(nameof(OrleansMembers))]
    [Trait("Category", "Engine.Orleans")]
    [Trait("Category", "Browser")]
    public sealed class Orleans(OrleansMembers members) : In_the_browser(members);
}
