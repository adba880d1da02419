namespace Presence.EndToEnd.Tests.Shop;

/// <summary>Members in this process, so that one of them can be stopped while the others go on.</summary>
[Trait("Category", "Browser")]
public sealed class A_member_that_stops
{
    [SkippableFact]
    public async Task Mid_way_loses_nobody_who_reconnects()
    {
        var chromium = Places.Chromium();
        await NodeScripts.BuildPagesAsync();
        var configuration = SiloConfiguration.Load(SiloArguments.Parse(
        [
            .. ThreeSilos.Options, "--urls", "http://127.0.0.1:0", "--environment", "Development",
            "--contentRoot", HostFiles.Content, "--Presence:Admin:Password", SiloProcess.Password,
            "--Logging:LogLevel:Default", "Error",
        ]));
        var options = SiloOptions.Read(configuration.Settings);
        var run = SiloRun.Create(configuration, options, TextWriter.Null);
        Assert.True(await run.StartAsync(CancellationToken.None));
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await NodeScripts.RunAsync(
                "member-stops.mjs",
                [chromium, SiloProcess.Password, .. run.Members.Select(member => member.Addresses[0])],
                () => run.Members[1].StopAsync(patience.Token));
        }
        finally
        {
            await Task.WhenAll(run.Members[0].StopAsync(patience.Token), run.Members[2].StopAsync(patience.Token));
        }
    }
}
