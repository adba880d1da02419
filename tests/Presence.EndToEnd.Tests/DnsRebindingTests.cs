namespace Presence.EndToEnd.Tests;

/// <summary>A page whose own name resolves to this machine, in Chromium.</summary>
[Trait("Category", "Browser")]
public sealed class DnsRebindingTests
{
    [SkippableFact]
    public Task Page_whose_name_resolves_to_this_machine_gets_neither_tokens_nor_sockets() => RunAsync("refused");

    /// <summary>Shows that the attempts of the other test succeed against a host that does not check names.</summary>
    [SkippableFact]
    public Task Host_that_allows_every_name_is_open_to_such_a_page() =>
        RunAsync("open", new() { ["AllowedHosts"] = "*" });

    private static async Task RunAsync(string expected, Dictionary<string, string>? variables = null)
    {
        var chromium = Places.Chromium();
        NodeScripts.Require();
        await using var silo = await SiloProcess.StartAsync([], variables: variables);
        await NodeScripts.RunAsync("rebinding.mjs", [chromium, silo.Nodes[0], expected], seconds: 90);
    }
}
