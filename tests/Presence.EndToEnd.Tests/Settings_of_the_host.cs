using System.Net;

namespace Presence.EndToEnd.Tests;

[Collection(nameof(EmbeddedMembers))]
[Trait("Category", "Engine.Embedded")]
public sealed class Settings_of_the_host
{
    private static readonly string[] Embedded = ["--engine", "embedded"];

    [Theory]
    [InlineData("Presence:Nodes is '0': it must be", "--nodes", "0")]
    [InlineData("Presence:Engine is 'smoke': it must be", "--engine", "smoke")]
    [InlineData("Presence:Engine is 'postgres': ", "--engine", "postgres")]
    [InlineData("Presence:Tracker:PoolSize is 0: it must be", "--Presence:Tracker:PoolSize", "0")]
    [InlineData("Presence:Tracker:DownPeriod is 00:00:01: it must be", "--Presence:Tracker:DownPeriod", "1s")]
    [InlineData("Presence:Tracker:PoolSzie is not an option", "--Presence:Tracker:PoolSzie", "1")]
    [InlineData("Presence:Limits:MaxKeyBytes is 0: it must be", "--Presence:Limits:MaxKeyBytes", "0")]
    [InlineData("Presence:Admin:MaxFailures is 'many': it must be", "--Presence:Admin:MaxFailures", "many")]
    [InlineData("urls is 'nowhere': it must be", "--urls", "nowhere")]
    [InlineData("--node is not an option", "--node", "3")]
    public async Task A_bad_setting_stops_the_start_with_one_line_that_teaches(string says, params string[] arguments)
    {
        var result = await SiloProcess.RunAsync(arguments);
        Assert.NotEqual(0, result.ExitCode);
        Assert.StartsWith($"error: {says}", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Trim().Split('\n'));
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_port_is_named()
    {
        await using var silo = await SiloProcess.StartAsync(Embedded);
        var result = await SiloProcess.RunAsync(["--engine", "embedded", "--urls", silo.Members[0]]);
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"error: Cannot listen on {silo.Members[0]}: ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Production_without_a_password_serves_but_keeps_the_admin_endpoints_shut()
    {
        await using var silo = await SiloProcess.StartAsync(Embedded, "Production", password: null);
        using var http = new HttpClient { BaseAddress = new Uri(silo.Members[0]) };
        using var ready = await http.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        using var api = await http.GetAsync("/api/cluster");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, api.StatusCode);
        Assert.Contains("Presence:Admin:Password", await api.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Contains("Presence:Admin:Password", silo.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/token?user_id=ann")]
    [InlineData("/tracked?user_id=ann")]
    public async Task Outside_Development_nobody_gets_a_token_for_the_asking(string path)
    {
        await using var silo = await SiloProcess.StartAsync(Embedded, "Production");
        using var http = new HttpClient { BaseAddress = new Uri(silo.Members[0]) };
        using var response = await http.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task Several_members_outside_Development_need_a_place_for_their_keys()
    {
        var result = await SiloProcess.RunAsync([.. Embedded, "--nodes", "2"], "Production");
        Assert.NotEqual(0, result.ExitCode);
        Assert.StartsWith("error: Presence:KeyDirectory is not set", result.Error, StringComparison.Ordinal);
    }
}
