namespace Presence.EndToEnd.Tests;

/// <summary>What the unmodified phoenix client is promised, and another that speaks the protocol.</summary>
[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class PhoenixClientTests(ThreeSilos nodes, ITestOutputHelper output)
{
    private const int Operations = 10_000;

    [SkippableFact]
    public async Task Protocol_suite_passes_in_Node() =>
        output.WriteLine(await NodeScripts.RunAsync("stock-client-node.mjs", nodes.Nodes, seconds: 120));

    [SkippableFact]
    public async Task Presences_are_the_same_everywhere_after_ten_thousand_random_changes()
    {
        var named = Environment.GetEnvironmentVariable("PRESENCE_SEED");
        var seed = named is { Length: > 0 } ? named : "20261121";
        output.WriteLine(await NodeScripts.RunAsync(
            "random-run.mjs", [seed, $"{Operations}", "", .. nodes.Nodes], seconds: 180));
    }

    [SkippableFact]
    public async Task Broadcast_arrives_once_on_every_node() =>
        await NodeScripts.RunAsync("across-nodes.mjs", [SiloProcess.Password, .. nodes.Nodes]);

    [SkippableFact]
    public async Task Other_implementation_interoperates() =>
        await NodeScripts.RunAsync("other-client.mjs", [nodes.First, nodes.Third]);

    [SkippableFact]
    [Trait("Category", "Browser")]
    public async Task Protocol_suite_passes_in_Chromium() =>
        await NodeScripts.RunAsync("stock-client-browser.mjs", [Places.Chromium(), nodes.First], seconds: 120);

    [SkippableFact]
    [Trait("Category", "Browser")]
    public async Task Presences_are_the_same_in_Chromium_and_Node_after_ten_thousand_random_changes()
    {
        var chromium = Places.Chromium();
        await NodeScripts.RunAsync("random-run.mjs", ["20261122", "10000", chromium, .. nodes.Nodes], seconds: 180);
    }
}
