namespace Presence.EndToEnd.Tests;

[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class Settings_of_the_host(ThreeSilos members)
{
    [Theory]
    [InlineData("Presence:Nodes is '0': it must be", "--nodes", "0")]
    [InlineData("Presence:Tracker:PoolSize is 0: it must be", "--Presence:Tracker:PoolSize", "0")]
    [InlineData("Presence:Tracker:DownPeriod is 00:00:01: it must be", "--Presence:Tracker:DownPeriod", "1s")]
    [InlineData("Presence:Tracker:PoolSzie is not an option", "--Presence:Tracker:PoolSzie", "1")]
    [InlineData("Presence:Limits:MaxKeyBytes is 0: it must be", "--Presence:Limits:MaxKeyBytes", "0")]
    [InlineData("Presence:Admin:MaxFailures is 'many': it must be", "--Presence:Admin:MaxFailures", "many")]
    [InlineData("urls is 'nowhere': it must be", "--urls", "nowhere")]
    [InlineData("--node is not an option", "--node", "3")]
    public Task A_bad_setting_stops_the_start_with_one_line_that_teaches(string says, params string[] arguments) =>
        HostInProcess.FailsAsync(says, arguments);

    [Fact]
    public async Task A_taken_port_is_named_in_one_line_and_nothing_else_is_written()
    {
        var taken = members.First;
        var result = await SiloProcess.RunAsync(["--urls", taken]);
        Assert.Equal(1, result.ExitCode);
        HostInProcess.Fails($"Cannot listen on {taken}: the address is already in use; ", result.Error);
        Assert.Empty(result.Output);
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
        // Outside Development nobody gets a token for the asking.
        foreach (var path in new[] { "/token?user_id=ann", "/tracked?user_id=ann" })
        {
            using var response = await http.GetAsync(path);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }
    }

    [Fact]
    public Task Several_silos_outside_Development_need_a_place_for_their_keys() =>
        HostInProcess.FailsAsync("Presence:KeyDirectory is not set", ["--nodes", "2", "--environment", "Production"]);
}
