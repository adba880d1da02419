namespace Presence.EndToEnd.Tests;

/// <summary>
/// The same client in Chromium, and through a restart of the server. Each test has a server of its own.
/// </summary>
[Trait("Category", "Cluster")]
public sealed class PhoenixClientCompatibilityTests
{
    private static readonly string[] CompressingSockets = ["--Presence:CompressSockets", "true"];

    [SkippableFact]
    public async Task Protocol_suite_passes_in_Node_with_compression()
    {
        NodeScripts.Require();
        await using var silo = await SiloProcess.StartAsync(CompressingSockets);
        var done = await NodeScripts.RunAsync("stock-client-node.mjs", silo.Nodes, seconds: 120);
        Assert.Contains("connect (permessage-deflate", done, StringComparison.Ordinal);
    }

    [SkippableFact]
    [Trait("Category", "Browser")]
    public async Task Protocol_suite_passes_in_Chromium_with_compression()
    {
        var chromium = Places.Chromium();
        await using var silo = await SiloProcess.StartAsync(CompressingSockets);
        var done = await NodeScripts.RunAsync("stock-client-browser.mjs", [chromium, silo.Nodes[0]], seconds: 120);
        Assert.Contains("connect (permessage-deflate", done, StringComparison.Ordinal);
    }

    [SkippableFact]
    public Task Client_rejoins_after_the_server_was_stopped_and_started() => RestartAsync(kill: false, []);

    [SkippableFact]
    public Task Client_rejoins_after_the_server_was_killed_and_started() => RestartAsync(kill: true, []);

    [SkippableTheory]
    [Trait("Category", "Browser")]
    [InlineData(false)]
    [InlineData(true)]
    public Task Client_in_Chromium_rejoins(bool kill) => RestartAsync(kill, [Places.Chromium()]);

    private static async Task RestartAsync(bool kill, string[] chromium)
    {
        NodeScripts.Require();
        // Tokens must stay valid after the restart.
        var keys = Directory.CreateTempSubdirectory("presence-keys-");
        SiloProcess? second = null;
        try
        {
            string[] settings = ["--Presence:KeyDirectory", keys.FullName];
            await using var first = await SiloProcess.StartAsync(settings);
            var address = first.Nodes[0];
            await NodeScripts.RunAsync("restart.mjs", [address, .. chromium], async () =>
            {
                await (kill ? first.KillAsync() : first.TerminateAsync());
                second = await SiloProcess.StartAsync([.. settings, "--urls", address]);
            });
        }
        finally
        {
            if (second is not null)
            {
                await second.DisposeAsync();
            }

            keys.Delete(recursive: true);
        }
    }
}
