namespace Presence.EndToEnd.Tests;

[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class HostSettingsTests(ThreeSilos nodes)
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
    public Task Invalid_setting_stops_the_start_with_one_line(string expected, params string[] arguments) =>
        HostInProcess.FailsAsync(expected, arguments);

    [Fact]
    public Task Weak_password_stops_the_start_of_Production() => HostInProcess.FailsAsync(
        "Presence:Admin:Password is too weak for this environment: it must have at least 12 characters",
        ["--urls", "http://127.0.0.1:0", "--environment", "Production", "--Presence:Admin:Password", "a"]);

    [Theory]
    [InlineData("/token?user_id=ann")]
    [InlineData("/socket/longpoll?vsn=2.0.0")]
    [InlineData("/admin")]
    public async Task Name_that_is_not_of_this_machine_is_rejected(string path)
    {
        using var http = new HttpClient { BaseAddress = new Uri(nodes.First) };
        using var own = await http.GetAsync(path);
        Assert.Equal(HttpStatusCode.OK, own.StatusCode);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Host = "rebound.example";
        request.Headers.Add("Origin", "http://rebound.example");
        using var answer = await http.SendAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Fact]
    public async Task Port_in_use_is_reported_in_one_line()
    {
        var taken = nodes.First;
        var result = await SiloProcess.RunAsync(["--urls", taken]);
        Assert.Equal(1, result.ExitCode);
        HostInProcess.Fails($"Cannot listen on {taken}: the address is already in use; ", result.Error);
        Assert.Empty(result.Output);
    }

    [Fact]
    public async Task Dashboard_of_Orleans_is_served_to_admins_by_setting_only()
    {
        await using var silo = await SiloProcess.StartAsync(
            ["--Presence:OrleansDashboard", "true", "--Presence:Admin:Password", "secret"]);
        using var http = new HttpClient { BaseAddress = new Uri(silo.Nodes[0]) };
        foreach (var path in new[] { "", "/", "/DashboardCounters", "/Trace" })
        {
            using var stranger = await http.GetAsync("/admin/orleans" + path);
            Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);
        }

        http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String("admin:secret"u8));
        var page = await http.GetStringAsync("/admin/orleans/");
        Assert.Contains("<html", page, StringComparison.OrdinalIgnoreCase);
        await TestTimeouts.UntilAsync("Orleans' dashboard has counted the silo", TimeSpan.FromSeconds(30), async () =>
            JsonDocument.Parse(await http.GetStringAsync("/admin/orleans/DashboardCounters"))
                .RootElement.GetProperty("totalActiveHostCount").GetInt32() == 1);
        using var other = new HttpClient { BaseAddress = new Uri(nodes.First) };
        other.DefaultRequestHeaders.Authorization = http.DefaultRequestHeaders.Authorization;
        Assert.Equal(HttpStatusCode.NotFound, (await other.GetAsync("/admin/orleans")).StatusCode);
    }

    [Fact]
    public async Task Metrics_are_served_by_setting_only()
    {
        await using var silo = await SiloProcess.StartAsync(["--nodes", "2", "--Presence:Metrics", "true"]);
        using var http = new HttpClient { BaseAddress = new Uri(silo.Nodes[1]) };
        var metrics = await http.GetStringAsync("/metrics");
        Assert.Contains("presence_", metrics, StringComparison.Ordinal);
        using var other = new HttpClient { BaseAddress = new Uri(nodes.First) };
        Assert.Equal(HttpStatusCode.NotFound, (await other.GetAsync("/metrics")).StatusCode);
    }

    [Fact]
    public async Task Production_without_a_password_serves_without_admin_endpoints()
    {
        await using var silo = await SiloProcess.StartAsync([], "Production", password: null);
        using var http = new HttpClient { BaseAddress = new Uri(silo.Nodes[0]) };
        using var ready = await http.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        using var api = await http.GetAsync("/api/cluster");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, api.StatusCode);
        Assert.Contains("Presence:Admin:Password", await api.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Contains("Presence:Admin:Password", silo.Output, StringComparison.Ordinal);
        // Outside Development tokens are not issued without a sign-in.
        foreach (var path in new[] { "/token?user_id=ann", "/tracked?user_id=ann", "/audience?user_id=ann" })
        {
            using var response = await http.GetAsync(path);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }
    }

    [Fact]
    public Task Several_silos_outside_Development_require_shared_keys() =>
        HostInProcess.FailsAsync("Presence:KeyDirectory is not set", ["--nodes", "2", "--environment", "Production"]);
}
