namespace Presence.EndToEnd.Tests;

/// <summary>What the unmodified phoenix client is promised, and another that speaks the protocol.</summary>
[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class The_stock_client(ThreeSilos members, ITestOutputHelper output)
{
    private const int Operations = 10_000;

    [SkippableFact]
    public async Task Is_kept_every_promise_in_Node() =>
        output.WriteLine(await NodeScripts.RunAsync("stock-client-node.mjs", members.Members, seconds: 120));

    [SkippableFact]
    public async Task Ends_with_the_same_presences_everywhere_after_ten_thousand_random_changes()
    {
        var named = Environment.GetEnvironmentVariable("PRESENCE_SEED");
        var seed = named is { Length: > 0 } ? named : "20261121";
        output.WriteLine(await NodeScripts.RunAsync(
            "random-run.mjs", [seed, $"{Operations}", "", .. members.Members], seconds: 180));
    }

    [SkippableFact]
    public async Task Hears_one_broadcast_on_every_member() =>
        await NodeScripts.RunAsync("across-members.mjs", [SiloProcess.Password, .. members.Members]);

    [SkippableFact]
    public async Task Has_company_by_another_implementation() =>
        await NodeScripts.RunAsync("other-client.mjs", [members.First, members.Third]);

    [SkippableFact]
    [Trait("Category", "Browser")]
    public async Task Is_kept_every_promise_in_Chromium() =>
        await NodeScripts.RunAsync("stock-client-browser.mjs", [Places.Chromium(), members.First], seconds: 120);

    [SkippableFact]
    [Trait("Category", "Browser")]
    public async Task Ends_with_the_same_presences_in_Chromium_as_in_Node_after_ten_thousand_random_changes()
    {
        var chromium = Places.Chromium();
        await NodeScripts.RunAsync("random-run.mjs", ["20261122", "10000", chromium, .. members.Members], seconds: 180);
    }
}
