namespace Presence.Packages.Tests;

[Trait("Category", "Packages")]
public sealed class PackageTests(PackageFeed feed) : IClassFixture<PackageFeed>
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan EventTimeout = TimeSpan.FromSeconds(60);

    [Fact]
    public void Every_library_has_a_package_and_nothing_else_has_one() => Assert.Equal(
        [
            "Presence.AspNetCore", "Presence.Channels", "Presence.Client", "Presence.Crdt", "Presence.Dashboard",
            "Presence.Node", "Presence.OpenTelemetry", "Presence.Orleans", "Presence.Orleans.Client",
            "Presence.Postgres", "Presence.SignalR", "Presence.Templates", "Presence.TestKit", "Presence.Tracker",
        ],
        feed.Specifications.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public async Task PowerShell_packs_the_same_packages()
    {
        var folder = Path.Combine(feed.Root, "powershell");
        await PowerShell.RunAsync("pack.ps1", "--no-build", "--version", PackageFeed.Version, "--output", folder);
        Assert.Equal(FilesOf(feed.Folder), FilesOf(folder));

        static IEnumerable<string?> FilesOf(string folder) =>
            Directory.GetFiles(folder, "*.*nupkg").Select(Path.GetFileName).Order(StringComparer.Ordinal);
    }

    [Fact]
    public void Packages_state_license_repository_readme_icon_and_tags() =>
        Assert.All(feed.Specifications, package =>
        {
            var (id, specification) = package;
            Assert.Equal("MIT", PackageFeed.Value(specification, "license"));
            Assert.Equal(PackageFeed.Repository, PackageFeed.Value(specification, "projectUrl"));
            var repository = specification.Elements().Single(e => e.Name.LocalName == "repository");
            Assert.Equal(PackageFeed.Repository, repository.Attribute("url")!.Value);
            Assert.StartsWith("presence ", PackageFeed.Value(specification, "tags"), StringComparison.Ordinal);
            Assert.NotEmpty(PackageFeed.Value(specification, "description"));
            var files = feed.FilesOf(id);
            Assert.Contains(PackageFeed.Value(specification, "readme"), files);
            Assert.Contains(PackageFeed.Value(specification, "icon"), files);
        });

    [Fact]
    public void Libraries_have_documentation_and_symbols() => Assert.All(feed.Libraries, id =>
    {
        var files = feed.FilesOf(id);
        var documentation = Assert.Single(files, file => file.EndsWith(".xml", StringComparison.Ordinal) &&
            file.StartsWith("lib/", StringComparison.Ordinal));
        Assert.Contains(Path.ChangeExtension(documentation, "dll"), files);
        Assert.Contains(Path.ChangeExtension(documentation, "pdb"), feed.FilesOf(id, "snupkg"));
    });

    [Fact]
    public void Packages_need_the_version_of_Orleans_that_the_tests_run_on() => Assert.All(
        feed.Specifications.Values.SelectMany(s => s.Descendants()).Where(
            e => e.Attribute("id")?.Value.StartsWith("Microsoft.Orleans.", StringComparison.Ordinal) == true),
        dependency => Assert.Equal("10.4.2", dependency.Attribute("version")!.Value));

    /// <summary>See docs/decisions/0040-packages-are-named-by-use.md.</summary>
    [Fact]
    public void Client_package_needs_neither_the_silo_package_nor_ASP_NET_Core()
    {
        var needed = new HashSet<string>();
        var open = new Queue<string>(["Presence.Orleans.Client"]);
        while (open.TryDequeue(out var id))
        {
            Assert.DoesNotContain(feed.Specifications[id].Descendants(), e => e.Name.LocalName == "frameworkReference");
            foreach (var dependency in feed.DependenciesOf(id).Where(needed.Add).Where(feed.Specifications.ContainsKey))
            {
                open.Enqueue(dependency);
            }
        }

        Assert.Equal(
            ["Presence.Crdt", "Presence.Node", "Presence.Tracker"],
            needed.Where(feed.Specifications.ContainsKey).Order(StringComparer.Ordinal));
        Assert.Equal(
            ["Microsoft.Orleans.Sdk", "Microsoft.Orleans.Streaming"],
            needed.Where(id => id.StartsWith("Microsoft.Orleans", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public async Task Programs_of_the_first_page_build_run_and_stop_outside_of_the_repository()
    {
        var siloPort = FreePorts.Find(2);
        await ConsumerApps.BuildAsync(feed, siloPort, siloPort + 1);

        var (siloLines, webLines, browserLines) = (new Awaited<string>(), new Awaited<string>(), new Awaited<string>());
        await using var silo = ConsumerApps.Start(feed, "silo", siloLines);
        await using var web = ConsumerApps.Start(feed, "web", webLines, "--urls", "http://127.0.0.1:0");
        await using var browser = ConsumerApps.Start(feed, "browser", browserLines, "--urls", "http://127.0.0.1:0");
        await ShowsPresenceAsync(await AddressAsync(webLines));
        var room = await AddressAsync(browserLines);
        var phoneLines = new Awaited<string>();
        await using var phone = ConsumerApps.Start(feed, "phone", phoneLines, $"{room}socket");
        await phone.WaitForEndAsync(EventTimeout);
        await phone.Drained;
        Assert.True(phone.ExitCode == 0, phone.Output);
        Assert.Contains("Present ann", phoneLines.All);

        await siloLines.FirstAsync(line => line.Contains("Application started", StringComparison.Ordinal));
        var clientLines = new Awaited<string>();
        await using var client = ConsumerApps.Start(feed, "client", clientLines);
        await client.WaitForEndAsync(EventTimeout);
        await client.Drained;
        Assert.True(client.ExitCode == 0, client.Output);
        Assert.Contains("1 present", clientLines.All);

        foreach (var program in (OwnedProcess[])[silo, web, browser])
        {
            program.Signal(UnixSignal.Terminate);
            await program.WaitForEndAsync(StopTimeout);
            Assert.True(program.ExitCode == 0, program.Output);
        }
    }

    [SkippableFact]
    public async Task Stock_SignalR_clients_of_two_servers_see_each_other_and_the_crash_of_a_server()
    {
        var (node, npm) = (Executable.Find("node", "node.exe"), Executable.Find("npm", "npm.cmd"));
        Requirement.Demand("node", node is null || npm is null ? "Node.js or npm is not on the path." : null);
        var scripts = Path.Combine(HostFiles.Root, "tests", "Presence.EndToEnd.Tests", "js");
        if (!Directory.Exists(Path.Combine(scripts, "node_modules", "@microsoft", "signalr")))
        {
            await PackageFeed.RunAsync(npm!, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], scripts);
        }

        await ConsumerApps.BuildHubAsync(feed);
        var port = FreePorts.Find(4);
        var (firstLines, secondLines, lines) = (new Awaited<string>(), new Awaited<string>(), new Awaited<string>());
        await using var first = Start(firstLines, port);
        var firstUrl = await AddressAsync(firstLines);
        await using var second = Start(secondLines, port + 2);
        var secondUrl = await AddressAsync(secondLines);
        var start = new ProcessStartInfo(node!, ["signalr.mjs", $"{firstUrl}hub", $"{secondUrl}hub"])
        {
            WorkingDirectory = scripts,
        };
        await using var clients = OwnedProcess.Start(start, lines.Add);
        await Task.WhenAny(lines.FirstAsync(line => line == "kill"), clients.Ended);
        Assert.False(clients.HasEnded, clients.Output);
        second.Signal(UnixSignal.Kill);
        await clients.WaitForEndAsync(EventTimeout);
        await clients.Drained;
        Assert.True(clients.ExitCode == 0, clients.Output + first.Output);

        OwnedProcess Start(Awaited<string> output, int siloPort)
        {
            string[] numbers = [$"{siloPort}", $"{siloPort + 1}", $"{port}"];
            return ConsumerApps.Start(feed, "hub", output, ["--urls=http://127.0.0.1:0", .. numbers]);
        }
    }

    internal static async Task<Uri> AddressAsync(Awaited<string> lines)
    {
        const string Pattern = @"Now listening on: (?<url>http://127\.0\.0\.1:\d+)";
        var line = await lines.FirstAsync(line => Regex.IsMatch(line, Pattern));
        return new Uri(Regex.Match(line, Pattern).Groups["url"].Value);
    }

    /// <summary>Opens the request that makes ann present, and lists who is.</summary>
    private static async Task ShowsPresenceAsync(Uri address)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address };
        using var closed = new CancellationTokenSource();
        var waiting = http.GetAsync("wait?user=ann", closed.Token);
        await TestTimeouts.UntilAsync("ann is listed", EventTimeout, async () =>
            (await http.GetStringAsync("lobby", closed.Token)).Contains("ann", StringComparison.Ordinal));
        await closed.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }
}
