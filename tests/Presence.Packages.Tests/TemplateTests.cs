namespace Presence.Packages.Tests;

/// <summary>Projects created from the templates, with the packages of this build.</summary>
[Trait("Category", "Packages")]
public sealed class TemplateTests(PackageFeed feed) : IClassFixture<PackageFeed>
{
    private static readonly TimeSpan EventTimeout = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Silo_reports_the_grain_that_is_present()
    {
        var siloPort = FreePorts.Find(2);
        await CreateAsync("presence-silo", "Devices");
        var lines = new Awaited<string>();
        await using var program = ConsumerApps.Start(
            feed, "Devices", lines, "--SiloPort", $"{siloPort}", "--GatewayPort", $"{siloPort + 1}");
        await lines.FirstAsync(line => line.Contains("Joined: thermometer", StringComparison.Ordinal));
        await StopAsync(program);
    }

    [SkippableFact]
    public async Task Web_application_is_ready_lists_and_shows_its_page()
    {
        var siloPort = FreePorts.Find(2);
        await CreateAsync("presence-web", "Online");
        var lines = new Awaited<string>();
        await using var program = ConsumerApps.Start(
            feed,
            "Online",
            lines,
            ["--urls", "http://127.0.0.1:0", "--SiloPort", $"{siloPort}", "--GatewayPort", $"{siloPort + 1}"]);
        using var http = await ClientAsync(lines);
        Assert.Contains("Who is online", await http.GetStringAsync("/"));
        using var body = new StringContent("{}", System.Text.Encoding.UTF8, "application/json");
        using var put = await http.PutAsync("/presence/lobby/ann?seconds=30", body);
        Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync());
        await TestTimeouts.UntilAsync("ann is listed", EventTimeout, async () =>
            (await http.GetStringAsync("/presence/lobby")).Contains("\"ann\"", StringComparison.Ordinal));

        // The commands of its own page.
        var listed = await ShellExample.RunAsync(
            "templates/content/presence-web/README.md",
            "/presence/lobby/robot",
            replaced: ("http://localhost:5000", http.BaseAddress!.GetLeftPart(UriPartial.Authority)));
        Assert.Contains("\"ann\"", listed, StringComparison.Ordinal);
        await TestTimeouts.UntilAsync("the robot is listed", EventTimeout, async () =>
            (await http.GetStringAsync("/presence/lobby")).Contains("\"robot\"", StringComparison.Ordinal));
        await StopAsync(program);
    }

    [SkippableFact]
    public async Task Chat_serves_its_page_the_stock_client_and_a_socket()
    {
        Requirement.Demand("node", Executable.Find("npm", "npm.cmd") is null ? "npm is not on the path." : null);
        await CreateAsync("presence-chat", "Talk");
        var lines = new Awaited<string>();
        await using var program = ConsumerApps.Start(feed, "Talk", lines, "--urls", "http://127.0.0.1:0");
        using var http = await ClientAsync(lines);
        Assert.Contains("<title>Chat</title>", await http.GetStringAsync("/"));
        Assert.Contains("Socket", await http.GetStringAsync("/phoenix.js"));
        using var socket = new System.Net.WebSockets.ClientWebSocket();
        var address = new UriBuilder(new Uri(http.BaseAddress!, "/socket/websocket?vsn=2.0.0")) { Scheme = "ws" }.Uri;
        await socket.ConnectAsync(address, CancellationToken.None);
        await StopAsync(program);
    }

    private static async Task<HttpClient> ClientAsync(Awaited<string> lines) =>
        new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = await PackageTests.AddressAsync(lines) };

    private static async Task StopAsync(OwnedProcess program)
    {
        program.Signal(UnixSignal.Terminate);
        await program.WaitForEndAsync(EventTimeout);
        Assert.True(program.ExitCode == 0, program.Output);
    }

    /// <summary>Creates a project from a template and builds it, with settings of its own for everything.</summary>
    private async Task CreateAsync(string template, string name)
    {
        var package = Path.Combine(feed.Folder, $"Presence.Templates.{PackageFeed.Version}.nupkg");
        string[] hive = ["--debug:custom-hive", Path.Combine(feed.Root, $"templates of {name}")];
        await PackageFeed.RunAsync("dotnet", ["new", "install", package, .. hive], feed.Root);
        string[] create = ["new", template, "--name", name, "--no-update-check", .. hive];
        await PackageFeed.RunAsync("dotnet", create, feed.Root);
        ConsumerApps.UseFeed(feed);
        string[] build = ["build", name, "-v", "quiet", "--nologo", "--disable-build-servers", "-o", $"{name}/out"];
        await PackageFeed.RunAsync("dotnet", build, feed.Root, ConsumerApps.PackageFolders(feed));
    }
}
