using System.Collections.Concurrent;
using Presence.Node.KeyWatching;

namespace Presence.AspNetCore.Tests;

public sealed class KeyEventTests
{
    private readonly TestTime _time = new();

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    public async Task Reader_receives_the_present_keys_and_then_those_that_come_and_go(string method)
    {
        await using var host = await WebHost.StartNodeAsync(_time);
        var (phone, laptop) = (host.Node.OpenSession(), host.Node.OpenSession());
        await host.Node.Tracker.TrackAsync(phone, "user:1", "ann");
        await host.Node.Tracker.TrackAsync(phone, "room:1", "bob");
        await using var reader = await OpenAsync(host, method, "user:*", "ann", "bob", "eve");
        var state = await reader.NextAsync("state");
        Assert.Equal("""{"within":"user:*","present":["ann"]}""", state.GetRawText());
        await host.Node.Tracker.TrackAsync(laptop, "user:2", "eve");
        Assert.Equal("""{"within":"user:*","present":["eve"],"absent":[]}""", await NextAsync());

        // The changes until the end of the interval come together.
        await host.Node.Tracker.TrackAsync(laptop, "user:2", "bob");
        await host.Node.Tracker.UntrackAsync(laptop, "user:2", "eve");
        phone.End();
        await host.Node.Tracker.DeliveredAsync();
        _time.Advance(KeyWatches.BatchInterval);
        Assert.Equal("""{"within":"user:*","present":["bob"],"absent":["ann","eve"]}""", await NextAsync());

        async Task<string> NextAsync() => (await reader.NextAsync("diff")).GetRawText();
    }

    [Fact]
    public async Task Forbidden_key_looks_as_an_absent_one_does()
    {
        var authorizer = new NoSecrets();
        await using var host = await WebHost.StartNodeAsync(
            _time, services => services.AddSingleton<IPresenceAuthorizer>(authorizer));
        host.Http.DefaultRequestHeaders.Add("X-User", "eve");
        var session = host.Node.OpenSession();
        await host.Node.Tracker.TrackAsync(session, "user:1", "secret");
        await using var reader = await OpenAsync(host, "GET", "user:*", "secret", "ann");
        Assert.Equal("""{"within":"user:*","present":[]}""", (await reader.NextAsync("state")).GetRawText());
        Assert.All(authorizer.Asked, access =>
        {
            Assert.Equal((PresenceOperation.Read, "user:*"), (access.Operation, access.Topic));
            Assert.Equal("eve", access.User!.Identity!.Name);
        });
        await host.Node.Tracker.UntrackAsync(session, "user:1", "secret");
        await host.Node.Tracker.DeliveredAsync();
        await host.Node.Tracker.TrackAsync(session, "user:1", "ann");
        Assert.Equal(
            """{"within":"user:*","present":["ann"],"absent":[]}""", (await reader.NextAsync("diff")).GetRawText());
        Assert.Equal(["secret", "ann"], authorizer.Asked.Select(access => access.Key));
    }

    [Fact]
    public async Task Watch_ends_with_its_connection_and_with_the_host()
    {
        await using var host = await WebHost.StartNodeAsync(_time);
        var watches = host.Node.Tracker.KeyWatches!;
        await using var reader = await OpenAsync(host, "GET", "t", "ann");
        await reader.NextAsync("state");
        await using (var other = await OpenAsync(host, "POST", "t", "ann", "bob"))
        {
            await other.NextAsync("state");
            Assert.Equal((2, 3), (watches.Watches, watches.Edges));
        }

        await TestTimeouts.UntilAsync("the watch has ended", TimeSpan.FromSeconds(30), () => watches.Edges == 1);
        _time.Advance(KeyWatches.PulseInterval);
        Assert.Equal("keep-alive", (await reader.NextAsync())!.Value.EventType);
        host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        while (await reader.NextAsync() is { } last)
        {
            Assert.Equal("keep-alive", last.EventType);
        }
    }

    [Theory]
    [InlineData("", "within")]
    [InlineData("?key=ann", "within")]
    [InlineData("?within=a&within=b&key=ann", "within")]
    [InlineData("?within=&key=ann", "topic")]
    [InlineData("?within=a*b&key=ann", "wildcard")]
    [InlineData("?within=t&key=", "key")]
    public async Task Invalid_query_is_rejected(string query, string reason)
    {
        await using var host = await WebHost.StartNodeAsync(_time);
        var response = await host.Http.GetAsync("/presence/keys/events" + query);
        Assert.Contains(reason, await WebHost.ProblemAsync(HttpStatusCode.BadRequest, response));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"within":"t"}""")]
    [InlineData("""{"keys":[]}""")]
    [InlineData("""{"within":null,"keys":[]}""")]
    [InlineData("""{"within":"t","keys":["a",1]}""")]
    [InlineData("""{"within":"t","keys":[["a"]]}""")]
    [InlineData("""{"within":"t","keys":["a"],"keys":["a"]}""")]
    [InlineData("""{"within":"t","keys":["a"],"x":1}""")]
    [InlineData("""{"within":"t","keys":["a"]}}""")]
    [InlineData("""{"within":"t","keys":["\ud800"]}""")]
    [InlineData("""{"within":"t","keys":[""]}""")]
    public async Task Invalid_body_is_rejected(string json)
    {
        await using var host = await WebHost.StartNodeAsync(_time);
        await WebHost.ProblemAsync(HttpStatusCode.BadRequest, await PostAsync(host, json));
    }

    [Fact]
    public async Task Too_many_keys_and_too_large_bodies_are_rejected_before_the_authorizer_is_asked()
    {
        var authorizer = new NoSecrets();
        await using var host = await WebHost.StartNodeAsync(
            _time, services => services.AddSingleton<IPresenceAuthorizer>(authorizer));
        var keys = string.Join(",", Enumerable.Range(0, 1001).Select(i => $"\"{i}\""));
        var problem = await WebHost.ProblemAsync(
            HttpStatusCode.BadRequest, await PostAsync(host, $$"""{"within":"t","keys":[{{keys}}]}"""));
        Assert.Contains("at most 1000", problem);
        var query = "?within=t" + string.Concat(Enumerable.Repeat("&key=k", 1001));
        var got = await host.Http.GetAsync("/presence/keys/events" + query);
        await WebHost.ProblemAsync(HttpStatusCode.BadRequest, got);
        var large = $$"""{"within":"t","keys":["{{new string('k', 1024 * 1024)}}"]}""";
        await WebHost.ProblemAsync(HttpStatusCode.RequestEntityTooLarge, await PostAsync(host, large));
        await WebHost.ProblemAsync(HttpStatusCode.UnsupportedMediaType, await PostAsync(host, "{}", "text/plain"));
        Assert.Empty(authorizer.Asked);
    }

    private static Task<HttpResponseMessage> PostAsync(
        WebHost host, string body, string type = "application/json") =>
        host.Http.PostAsync("/presence/keys/events", new StringContent(body, Encoding.UTF8, type));

    private static Task<EventReader> OpenAsync(WebHost host, string method, string within, params string[] keys)
    {
        if (method == "GET")
        {
            var query = string.Concat(keys.Select(key => $"&key={key}"));
            return EventReader.OpenAsync(host.Http, $"/presence/keys/events?within={within}{query}");
        }

        var json = JsonSerializer.Serialize(new { within, keys });
        return EventReader.SendAsync(host.Http, new HttpRequestMessage(HttpMethod.Post, "/presence/keys/events")
        {
            Content = new StringContent(json, Encoding.UTF8, "application/json"),
        });
    }

    /// <summary>Forbids the key "secret".</summary>
    private sealed class NoSecrets : IPresenceAuthorizer
    {
        public ConcurrentQueue<PresenceAccess> Asked { get; } = new();

        public ValueTask<bool> IsAllowedAsync(PresenceAccess access)
        {
            Asked.Enqueue(access);
            return new(access.Key != "secret");
        }
    }
}
