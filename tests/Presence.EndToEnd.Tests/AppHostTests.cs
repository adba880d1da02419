namespace Presence.EndToEnd.Tests;

/// <summary>The sample AppHost, built here, because it is not part of the solution.</summary>
public sealed class AppHostTests
{
    private static readonly string Project = Path.Combine(HostFiles.Root, "samples", "AppHost");
    private static readonly string Configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;

    [SkippableFact]
    [Trait("Category", "Postgres")]
    [Trait("Category", "Packages")]
    public async Task AppHost_starts_three_silos_of_one_cluster()
    {
        PostgresServer.Require();
        await BuildAsync();
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var port = FreePorts.Find(3);
        var host = Path.Combine(
            HostFiles.Root, "artifacts", "bin", "AppHost", Configuration, "Presence.Samples.AppHost.dll");
        var start = new ProcessStartInfo("dotnet", [host, "--Port", $"{port}"]) { WorkingDirectory = Project };
        start.Environment["ConnectionStrings__Presence"] = database.ConnectionString;
        start.Environment["DOTNET_ENVIRONMENT"] = "Development";
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = "http://127.0.0.1:0";
        start.Environment["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true";
        await using var process = OwnedProcess.Start(start, _ => { });

        // Until the silo runs, the proxy of Aspire accepts requests and does not answer them.
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false })
        {
            Timeout = TimeSpan.FromSeconds(5),
        };
        http.DefaultRequestHeaders.Authorization = ThreeSilos.Basic("admin", "presence in development");
        for (var i = 0; i < 3; i++)
        {
            var silo = $"http://localhost:{port + i}";
            await TestTimeouts.UntilAsync(
                $"{silo} is one of three nodes that are up\n{process.Output}",
                TimeSpan.FromSeconds(120),
                async () => !process.Ended.IsCompleted && await NodesAsync(http, silo) == 3);
        }
    }

    private static async Task BuildAsync()
    {
        var restored = await Command.RunAsync(
            "dotnet", ["restore", Project, "--nologo", "-v", "quiet"], HostFiles.Root, TimeSpan.FromMinutes(4));
        var lack = restored.ExitCode == 0 ? null : $"Aspire cannot be restored here: {restored.Output.Trim()}";
        Requirement.Demand("aspire", lack);
        var built = await Command.RunAsync(
            "dotnet",
            ["build", Project, "-c", Configuration, "--no-restore", "--no-dependencies", "--nologo", "-v", "quiet"],
            HostFiles.Root,
            TimeSpan.FromMinutes(3));
        Assert.True(built.ExitCode == 0, built.Output + built.Error);
    }

    private static async Task<int> NodesAsync(HttpClient http, string silo)
    {
        try
        {
            var cluster = await http.GetFromJsonAsync<JsonElement>($"{silo}/api/cluster");
            return cluster.GetProperty("nodes").EnumerateArray()
                .Count(node => node.GetProperty("status").GetString() == "up");
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or TaskCanceledException)
        {
            return 0;
        }
    }
}
