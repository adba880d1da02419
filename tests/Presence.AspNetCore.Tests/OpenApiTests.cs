namespace Presence.AspNetCore.Tests;

public sealed class OpenApiTests
{
    private const string Expected = """
        get /presence/keys/events: query within, query key; 200 400 501 503
        post /presence/keys/events: ; 200 400 413 415 501 503
        get /presence/keys/{key}: path key; 200 400 403 503
        get /presence/keys/{key}/topics: path key; 200 400 403 503
        get /presence/{topic}: path topic, query limit, query after; 200 400 403 503
        get /presence/{topic}/count: path topic; 200 400 403 503
        get /presence/{topic}/events: path topic, header Last-Event-ID, query first, query prefix, query where;
          200 400 403 409 503
        get /presence/{topic}/keys/{key}: path topic, path key; 200 400 403 404 409 503
        put /presence/{topic}/{key}: path topic, path key, query seconds, query holder; 200 201 400 403 413 415 503
        delete /presence/{topic}/{key}: path topic, path key, query holder; 204 400 403 404 503
        """;

    [Fact]
    public async Task Document_describes_every_route_with_its_parameters_answers_and_problems()
    {
        await using var host = await StartAsync();
        var document = await host.GetAsync("/openapi/v1.json");
        var operations = document.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(method =>
                (Name: $"{method.Name} {path.Name}", Path: path.Name, Operation: method.Value)))
            .OrderBy(o => o.Path, StringComparer.Ordinal)
            .ToArray();
        Assert.Equal(
            Expected.ReplaceLineEndings("\n").Replace("\n  ", " ", StringComparison.Ordinal).Split('\n').Order(),
            operations.Select(o => $"{o.Name}: {Parameters(o.Operation)}; {Statuses(o.Operation)}").Order());
        Assert.All(operations, o =>
        {
            Assert.NotEmpty(o.Operation.GetProperty("summary").GetString()!);
            Assert.Equal("Presence", o.Operation.GetProperty("tags")[0].GetString());
            foreach (var response in o.Operation.GetProperty("responses").EnumerateObject()
                .Where(response => response.Name[0] is '4' or '5'))
            {
                Assert.True(response.Value.GetProperty("content").TryGetProperty("application/problem+json", out _));
            }
        });
    }

    [Fact]
    public async Task Document_describes_the_bodies()
    {
        await using var host = await StartAsync();
        var document = await host.GetAsync("/openapi/v1.json");
        var paths = document.GetProperty("paths");
        var page = Content(paths, "/presence/{topic}", "get", "200").GetProperty("application/json");
        Assert.EndsWith("PageBody", page.GetProperty("schema").GetProperty("$ref").GetString());
        var events = Content(paths, "/presence/{topic}/events", "get", "200");
        Assert.True(events.TryGetProperty("text/event-stream", out _));
        var fields = document.GetProperty("components").GetProperty("schemas").GetProperty("PageBody");
        Assert.Equal(
            ["topic", "presences", "next"],
            fields.GetProperty("properties").EnumerateObject().Select(property => property.Name));
    }

    [Theory]
    [InlineData("GET", "/presence/t?limit=0", 400)]
    [InlineData("GET", "/presence/t?limit=1&limit=2", 400)]
    [InlineData("GET", "/presence/t?after=a&after=b", 400)]
    [InlineData("GET", "/presence/t/keys/nobody", 404)]
    [InlineData("DELETE", "/presence/t/nobody", 404)]
    [InlineData("DELETE", "/presence/t/k?holder=a&holder=b", 400)]
    [InlineData("PUT", "/presence/t/k?seconds=x", 400)]
    public async Task Errors_are_the_described_problems(string method, string path, int status)
    {
        await using var host = await StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        Assert.NotEmpty(await WebHost.ProblemAsync((HttpStatusCode)status, await host.Http.SendAsync(request)));
    }

    private static Task<WebHost> StartAsync() => WebHost.StartAsync(
        builder =>
        {
            builder.Services.AddPresence();
            builder.Services.AddOpenApi();
        },
        app =>
        {
            app.MapPresence("/presence");
            app.MapOpenApi();
        });

    private static string Parameters(JsonElement operation) => string.Join(
        ", ",
        (operation.TryGetProperty("parameters", out var all) ? all.EnumerateArray().ToArray() : [])
            .Select(p => $"{p.GetProperty("in").GetString()} {p.GetProperty("name").GetString()}"));

    private static string Statuses(JsonElement operation) => string.Join(
        " ", operation.GetProperty("responses").EnumerateObject().Select(response => response.Name).Order());

    private static JsonElement Content(JsonElement paths, string path, string method, string status) => paths
        .GetProperty(path).GetProperty(method).GetProperty("responses").GetProperty(status).GetProperty("content");
}
