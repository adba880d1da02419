namespace Presence.EndToEnd.Tests;

/// <summary>A page of the samples that is open for longer than its token is valid.</summary>
[Trait("Category", "Browser")]
public sealed class TokenRenewalTests
{
    [SkippableFact]
    public async Task Page_stays_connected_beyond_the_end_of_its_token_while_it_can_renew_it()
    {
        var chromium = Places.Chromium();
        NodeScripts.Require();
        await using var silo = await SiloProcess.StartAsync(
            [], variables: new() { ["Playground__TokenLifetime"] = "00:00:05" });
        await NodeScripts.RunAsync("token-renewal.mjs", [chromium, silo.Nodes[0]], seconds: 90);
    }
}
