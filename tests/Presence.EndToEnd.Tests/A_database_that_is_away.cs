using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Presence.Harness;
using Presence.Harness.Databases;

namespace Presence.EndToEnd.Tests;

/// <summary>What an operator is told while the database that joins the members does not answer.</summary>
[Collection(nameof(PostgresMembers))]
[Trait("Category", "Engine.Postgres")]
public sealed class A_database_that_is_away
{
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(30);

    [SkippableFact]
    public async Task Is_told_by_the_health_and_the_API_of_every_member_and_so_is_its_return()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var silo = await StartAsync(server);
        foreach (var address in silo.Members)
        {
            Assert.Equal("ready", await HealthAsync(address));
            Assert.Equal("connected", (await LinkAsync(address)).GetProperty("state").GetString());
        }

        await server.StopAsync();
        foreach (var address in silo.Members)
        {
            await Patience.UntilAsync($"{address} is degraded", Patient, async () => await HealthAsync(address) == "degraded");
            var link = await LinkAsync(address);
            Assert.Equal("away", link.GetProperty("state").GetString());
            Assert.NotEqual(JsonValueKind.Null, link.GetProperty("since").ValueKind);
            Assert.Contains($":{server.Port}", link.GetProperty("problem").GetString(), StringComparison.Ordinal);
            Assert.DoesNotContain("assword", link.GetProperty("problem").GetString(), StringComparison.Ordinal);
        }

        await server.StartAgainAsync();
        foreach (var address in silo.Members)
        {
            await Patience.UntilAsync($"{address} is ready again", Patient, async () => await HealthAsync(address) == "ready");
            Assert.Equal("connected", (await LinkAsync(address)).GetProperty("state").GetString());
        }
    }

    [SkippableFact]
    [Trait("Category", "Browser")]
    public async Task Is_told_by_the_dashboard()
    {
        var chromium = The_shop_and_its_dashboard.Chromium();
        await NodeScripts.BuildPagesAsync();
        await using var server = await PostgresServer.StartAsync();
        await using var silo = await StartAsync(server);
        await NodeScripts.RunAsync(
            "database-away.mjs", [chromium, Places.Results, SiloProcess.Password, silo.Members[0]], server.StopAsync);
    }

    private static Task<SiloProcess> StartAsync(PostgresServer server) =>
        SiloProcess.StartAsync(["--engine", "postgres", "--nodes", "2", "--ConnectionStrings:Presence", server.ConnectionString()]);

    /// <summary>What <c>/health/ready</c> says; with 200, because its own clients are served.</summary>
    private static async Task<string?> HealthAsync(string address)
    {
        using var http = new HttpClient { BaseAddress = new Uri(address) };
        using var live = await http.GetAsync("/health/live");
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
        using var ready = await http.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        return (await ready.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("status").GetString();
    }

    private static async Task<JsonElement> LinkAsync(string address)
    {
        using var http = new HttpClient { BaseAddress = new Uri(address) };
        http.DefaultRequestHeaders.Authorization = ThreeMembers.Basic("admin", SiloProcess.Password);
        return (await http.GetFromJsonAsync<JsonElement>("/api/cluster")).GetProperty("link");
    }
}
