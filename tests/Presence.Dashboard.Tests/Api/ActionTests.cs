namespace Presence.Dashboard.Tests.Api;

public sealed class ActionTests
{
    [Theory]
    [InlineData("""{"topic":"room:a","key":"ann"}""", 1, "room:b")]
    [InlineData("""{"key":"ann"}""", 2, null)]
    public async Task Evicted_presences_end(string body, int evicted, string? remaining)
    {
        await using var node = await LiveNode.StartAsync();
        using var session = node.Node.OpenSession();
        await node.Node.Tracker.TrackAsync(session, "room:a", "ann");
        await node.Node.Tracker.TrackAsync(session, "room:b", "ann");
        using var answer = await PostAsync(node.Http, "/api/evict", body);
        var result = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(evicted, result.GetProperty("evicted").GetInt32());
        Assert.Equal(remaining is null ? [] : [remaining], node.Node.Tracker.TopicsOf("ann"));
    }

    [Theory]
    [InlineData("/api/evict", "{}", "'key' must be")]
    [InlineData("/api/evict", """{"key":""}""", "'key' must be")]
    [InlineData("/api/disconnect", """{"id":7}""", "'id' must be")]
    [InlineData("/api/handover", "[]", "must be an object {process}")]
    public async Task Invalid_action_is_rejected(string address, string body, string reason)
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        using var answer = await PostAsync(host.Http, address, body);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(reason, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Id_of_a_socket_that_is_too_long_is_rejected_with_its_limit()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        var body = JsonSerializer.Serialize(new { id = new string('x', 300) });
        using var answer = await PostAsync(host.Http, "/api/disconnect", body);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("'id' has 300 bytes; the limit is 255 bytes.", problem.GetProperty("detail").GetString());
        Assert.DoesNotContain(host.Audit, line => line.Contains("disconnected", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Unknown_unique_process_is_not_found()
    {
        await using var node = await LiveNode.StartAsync();
        using var answer = await PostAsync(node.Http, "/api/handover", """{"process":"nobody"}""");
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Theory]
    [InlineData("alone", HttpStatusCode.BadRequest, 0)]
    [InlineData("ticker", HttpStatusCode.OK, 1)]
    public async Task Unique_process_is_handed_over_if_it_has_a_standby(
        string name, HttpStatusCode status, int requests)
    {
        var processes = new Processes();
        await using var host = (await AdminHost.StartAsync(
            services: services => services.AddSingleton<IUniqueProcessDirectory>(processes))).SignIn();
        using var answer = await PostAsync(host.Http, "/api/handover", $$"""{"process":"{{name}}"}""");
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(requests, processes.Requests.Count);
        Assert.Equal(requests, host.Audit.Count(line => line.Contains(": requested node-2 to hand ticker over")));
        var cluster = await host.Http.GetFromJsonAsync<JsonElement>("/api/cluster");
        Assert.Equal(7, cluster.GetProperty("processes")[1].GetProperty("epoch").GetInt64());
    }

    [Fact]
    public async Task Disconnect_reaches_the_sockets_and_is_recorded()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        using var answer = await PostAsync(host.Http, "/api/disconnect", """{"id":"users:ann"}""");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains(host.Node.Broadcasts, message => message.Topic == "users:ann" && message.Event == "disconnect");
        Assert.Contains(host.Audit, line => line == "Admin admin from 127.0.0.1: disconnected users:ann");
    }

    [Theory]
    [InlineData("/api/broadcast", """{"topic":"t","event":"e"}""")]
    [InlineData("/api/disconnect", """{"id":"users:ann"}""")]
    [InlineData("/api/evict", """{"key":"ann"}""")]
    [InlineData("/api/evict", """{"topic":"t","key":"ann"}""")]
    [InlineData("/api/handover", """{"process":"ticker"}""")]
    public async Task Policy_of_the_options_decides_who_may_act(string address, string body)
    {
        var (permits, processes) = (false, new Processes());
        await using var host = (await AdminHost.StartAsync(
            options => options.ActionsPolicy = "operators",
            services: services => services
                .AddSingleton<IUniqueProcessDirectory>(processes)
                .AddAuthorization(authorization => authorization.AddPolicy(
                    "operators", policy => policy.RequireAssertion(_ => Volatile.Read(ref permits)))))).SignIn();
        using var refused = await PostAsync(host.Http, address, body);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Empty(host.Node.Broadcasts);
        Assert.Empty(host.Node.Evicted);
        Assert.Empty(processes.Requests);
        Assert.Equal(HttpStatusCode.OK, await host.StatusAsync("/api/cluster"));

        Volatile.Write(ref permits, true);
        using var accepted = await PostAsync(host.Http, address, body);
        Assert.Equal(HttpStatusCode.OK, accepted.StatusCode);
    }

    private static Task<HttpResponseMessage> PostAsync(HttpClient http, string address, string body) =>
        http.PostAsync(address, new StringContent(body, Encoding.UTF8, "application/json"));

    private sealed class Processes : IUniqueProcessDirectory
    {
        public List<string> Requests { get; } = [];

        public IReadOnlyList<UniqueProcessStatus> List() =>
        [
            new("alone", UniqueProcessMode.Available, "node-2", null, null, []),
            new("ticker", UniqueProcessMode.Consistent, "node-2", null, 7, ["node-3"]),
        ];

        public UniqueProcessStatus? Find(string name) => List().SingleOrDefault(status => status.Name == name);

        public void RequestHandOver(string name) => Requests.Add(name);
    }
}
