using Presence.Silo.Configuration;
using Presence.Silo.Nodes;

namespace Presence.EndToEnd.Tests.Shop;

/// <summary>Nodes in this process, so that one of them can be stopped while the others go on.</summary>
[Trait("Category", "Browser")]
public sealed class NodeStopTests
{
    [SkippableFact]
    public async Task Node_stop_loses_no_shopper_that_reconnects()
    {
        var chromium = Places.Chromium();
        NodeScripts.Require();
        var configuration = SiloConfiguration.Load(SiloArguments.Parse(
        [
            .. ThreeSilos.Options, "--urls", "http://127.0.0.1:0", "--environment", "Development", "--Presence:Samples",
            "true",
            "--contentRoot", HostFiles.Content, "--Presence:Admin:Password", SiloProcess.Password,
            "--Logging:LogLevel:Default", "Error",
        ]));
        var options = SiloOptions.Read(configuration.Settings);
        var run = SiloRun.Create(configuration, options, TextWriter.Null);
        Assert.True(await run.StartAsync(CancellationToken.None));
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await NodeScripts.RunAsync(
                "node-stops.mjs",
                [chromium, SiloProcess.Password, .. run.Nodes.Select(node => node.Addresses[0])],
                () => run.Nodes[1].StopAsync(timeout.Token));
        }
        finally
        {
            await Task.WhenAll(run.Nodes[0].StopAsync(timeout.Token), run.Nodes[2].StopAsync(timeout.Token));
        }
    }
}
