using Orleans.Runtime;
using Presence.Node;
using Presence.Tracker;

namespace Presence.CommandLine.Tests;

/// <summary>What the program says about servers that do not do what it asks for.</summary>
public sealed class FailureTests
{
    public static TheoryData<Exception> Failures =>
    [
        new UnauthorizedAccessException("Read is not allowed to this caller."),
        new PresenceOverloadException("The silo keeps 100 subscriptions, the maximum."),
        new PresenceMetaException("The metadata is no object."),
        new PresenceLimitException("topic", 0, 0),
        new OrleansException("No silo is reachable."),
        new TimeoutException("No answer."),
    ];

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public async Task A_failed_call_of_a_grain_is_one_line_and_status_1(Exception failure)
    {
        using var error = new StringWriter();
        var console = new ClientConsole(TextWriter.Null, error);
        Assert.Equal(1, await ClientProgram.RunAsync(() => Task.FromException<int>(failure), console, default));
        Assert.Equal($"error: {failure.Message}", error.ToString().TrimEnd());
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"token":1}""")]
    [InlineData("<html></html>")]
    public async Task Another_service_that_answers_the_sign_in_is_named_as_such(string answer)
    {
        await using var server = await ServerStub.StartAsync(answer);
        var (status, output, error) = await Run.ToEndAsync(server.With("list", "lobby", "--password", "x"));
        Assert.Equal((1, ""), (status, output));
        Assert.StartsWith("error: http://127.0.0.1:", error, StringComparison.Ordinal);
        Assert.Contains("answers, but not as a node with a dashboard", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("list")]
    [InlineData("watch")]
    public async Task Socket_that_closes_before_the_presences_is_reported_at_once(string verb)
    {
        await using var server = await ServerStub.StartAsync();
        var (status, output, error) = await Run.ToEndAsync(server.With(verb, "lobby", "--password", "x"));
        Assert.Equal((1, ""), (status, output));
        Assert.Contains("the server ended the connection: closed with 1001", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cluster_shows_the_error_of_a_disconnected_transport()
    {
        const string Cluster = """
            {"node":"n1","state":"ready","version":"1.0","entries":3,"pairs":[],"nodes":[],
             "transport":{"name":"orleans","state":"disconnected","since":"2030-01-01T00:00:00+00:00",
              "last_error":"the database is away"}}
            """;
        await using var server = await ServerStub.StartAsync(joined: channel => channel.PushAsync("cluster", Cluster));
        var (status, output, _) = await Run.ToEndAsync(server.With("cluster", "--password", "x"));
        Assert.Equal(0, status);
        Assert.Contains(
            "cluster transport orleans (disconnected since 2030-01-01 00:00:00Z: the database is away)",
            output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shoppers_with_an_empty_password_are_not_compared()
    {
        await using var shop = await ServerStub.StartAsync(
            catalogue: """[{"id":1,"items":[{"id":1},{"id":2}]}]""");
        using var run = Run.Begin(shop.With("shoppers", "--count", "1", "--password", ""));
        await run.ErrorLineAsync("the statistics of the nodes are not compared");
        await run.StopAsync();
    }
}
