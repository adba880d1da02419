using System.Net;

namespace Presence.EndToEnd.Tests;

[Collection(nameof(ThreeMembers))]
[Trait("Category", "Engine.Embedded")]
public sealed class Starting_and_stopping
{
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
        await using var silo = await SiloProcess.StartAsync([]);
        var result = await SiloProcess.RunAsync(["--urls", silo.Members[0]]);
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"error: Cannot listen on {silo.Members[0]}: ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SIGTERM_ends_three_members_in_order_in_under_five_seconds()
    {
        await using var silo = await SiloProcess.StartAsync(["--nodes", "3"]);
        var took = await silo.TerminateAsync();
        Assert.Equal(0, silo.ExitCode);
        Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}:\n{silo.Output}");
    }

    [SkippableFact]
    public async Task SIGTERM_ends_members_with_clients_in_under_five_seconds_and_closes_with_1012()
    {
        await using var silo = await SiloProcess.StartAsync(["--nodes", "3"]);
        await NodeScripts.RunAsync("drain.mjs", silo.Members, async () =>
        {
            var took = await silo.TerminateAsync();
            Assert.Equal(0, silo.ExitCode);
            Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}:\n{silo.Output}");
        });
    }

    [Fact]
    public async Task Production_without_a_password_serves_but_keeps_the_admin_endpoints_shut()
    {
        await using var silo = await SiloProcess.StartAsync([], "Production", password: null);
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
        await using var silo = await SiloProcess.StartAsync([], "Production");
        using var http = new HttpClient { BaseAddress = new Uri(silo.Members[0]) };
        using var response = await http.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task Several_members_outside_Development_need_a_place_for_their_keys()
    {
        var result = await SiloProcess.RunAsync(["--nodes", "2"], "Production");
        Assert.NotEqual(0, result.ExitCode);
        Assert.StartsWith("error: Presence:KeyDirectory is not set", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Development_makes_up_one_password_for_all_members_and_prints_it()
    {
        await using var silo = await SiloProcess.StartAsync(["--nodes", "2"], password: null);
        var password = silo.Output.Split("password ")[1].Split(' ')[0];
        foreach (var member in silo.Members)
        {
            using var http = new HttpClient { BaseAddress = new Uri(member) };
            http.DefaultRequestHeaders.Authorization = ThreeMembers.Basic("admin", password);
            using var response = await http.GetAsync("/api/topics");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }
}
