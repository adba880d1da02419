using System.Security.Claims;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;

namespace Presence.Channels.Tests.Transport;

/// <summary>Connections end with their tokens.</summary>
public sealed class TokenEndTests
{
    private readonly CountingTime _time = new();

    [Fact]
    public async Task Expired_token_ends_the_presences_and_closes_with_1008()
    {
        // With a grace, a connection that ends in another way leaves its presences.
        await using var host = await StartAsync(settings: ["--Presence:Sessions:Grace=10min"]);
        using var closed = new CountedReasons(host.Services, "presence.sockets.closed");
        using var socket = await ConnectAsync(host, Token(host));
        await JoinAsync(socket);
        Assert.Equal(1, host.Server.Node.Tracker.Count("room:a"));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(WebSocketState.Open, socket.State);
        Assert.Empty(closed.Reasons);

        // The presences do not wait for the client's answer to the close.
        _time.Advance(TimeSpan.FromSeconds(3));
        await TestTimeouts.UntilAsync(
            "nobody is present", TestClient.Timeout, () => host.Server.Node.Tracker.Count("room:a") == 0);
        Assert.Equal("closed 1008", await LastAsync(socket));
        Assert.Equal(["token_expired"], closed.Reasons);
    }

    [Fact]
    public async Task Event_access_token_renews_the_token_of_the_same_user()
    {
        await using var host = await StartAsync();
        using var socket = await ConnectAsync(host, Token(host));
        await JoinAsync(socket);
        _time.Advance(TimeSpan.FromSeconds(50));
        await AnswerAsync(socket, Token(host, "bob"), "error", """{"reason":"invalid token"}""");
        await AnswerAsync(socket, "forged", "error", """{"reason":"invalid token"}""");
        await AnswerAsync(socket, Token(host), "ok", "{}");
        _time.Advance(TimeSpan.FromSeconds(50));
        await AnswerAsync(socket, "forged", "error", """{"reason":"invalid token"}""");
        Assert.Equal(WebSocketState.Open, socket.State);
    }

    [Theory]
    [InlineData("[1]")]
    [InlineData("{}")]
    [InlineData("""{"access_token":5}""")]
    [InlineData("null")]
    public async Task Renewal_without_a_token_is_rejected(string payload)
    {
        await using var host = await StartAsync();
        using var socket = await ConnectAsync(host, Token(host));
        await socket.SendAsync($"""["1","2","room:a","access_token",{payload}]""");
        Assert.Equal(
            """["1","2","room:a","phx_reply",{"status":"error","response":{"reason":"invalid token"}}]""",
            await socket.NextAsync());
    }

    [Fact]
    public async Task Revoked_user_is_disconnected_on_every_node_and_may_sign_in_again()
    {
        var cluster = new InMemoryCluster();
        await using var one = await StartAsync("n1", cluster);
        await using var two = await StartAsync("n2", cluster);
        var old = Token(two);
        using var ann = await ConnectAsync(two, old);
        using var bob = await ConnectAsync(two, Token(two, "bob"));
        using var rejected = new CountedReasons(two.Services, "presence.tokens.rejected");
        using var closed = new CountedReasons(two.Services, "presence.sockets.closed");
        _time.Advance(TimeSpan.FromSeconds(1));
        one.Services.GetRequiredService<SocketTokens>().Revoke("ann");
        Assert.Equal("closed 1008", await LastAsync(ann));
        Assert.Equal(["token_revoked"], closed.Reasons);
        using var again = await ConnectAsync(two, old);
        Assert.Equal(HttpStatusCode.Forbidden, again.HttpStatusCode);
        Assert.Equal(["revoked"], rejected.Reasons);
        using var anew = await ConnectAsync(two, Token(two));
        Assert.Equal(WebSocketState.Open, anew.State);
        await bob.SendAsync("""[null,"1","phoenix","heartbeat",{}]""");
        Assert.StartsWith("[null", await bob.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Node_that_starts_later_learns_what_is_revoked()
    {
        var cluster = new InMemoryCluster();
        await using var one = await StartAsync("n1", cluster);
        var issuer = one.Services.GetRequiredService<SocketTokens>();
        var token = issuer.Create("socket", "ann", TimeSpan.FromDays(10));
        _time.Advance(TimeSpan.FromSeconds(1));
        issuer.Revoke("ann");
        await using var two = await StartAsync("n2", cluster);
        using var rejected = new CountedReasons(two.Services, "presence.tokens.rejected");
        var tokens = two.Services.GetRequiredService<SocketTokens>();
        await TestTimeouts.UntilAsync("it knows", TestClient.Timeout, () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return tokens.TryRead("socket", token) is null;
        });
        Assert.Equal(["revoked"], rejected.Reasons);
        Assert.Equal("bob", tokens.TryRead("socket", Token(two, "bob")));
    }

    [Fact]
    public async Task Revocation_whose_message_was_lost_is_known_after_some_checks()
    {
        var cluster = new InMemoryCluster();
        await using var one = await StartAsync("n1", cluster);
        await using var two = await StartAsync("n2", cluster);
        var token = Token(two);
        var tokens = two.Services.GetRequiredService<SocketTokens>();
        await UntilNodesKnowEachOtherAsync(one, two);

        // The checks send everything while there are new nodes.
        _time.Advance(TimeSpan.FromSeconds(10));
        cluster.Reaches = (_, _) => false;
        one.Services.GetRequiredService<SocketTokens>().Revoke("ann");
        Assert.Equal("ann", tokens.TryRead("socket", token));
        cluster.Reaches = (_, _) => true;
        for (var i = 0; i < 3; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
        }

        await TestTimeouts.UntilAsync(
            "it is rejected", TestClient.Timeout, () => tokens.TryRead("socket", token) is null);
    }

    [Fact]
    public async Task Revocations_that_do_not_fit_into_one_message_are_sent_in_several()
    {
        var cluster = new InMemoryCluster();
        await using var one = await StartAsync("n1", cluster, "--Presence:MaxMessageBytes=4096");
        var issuer = one.Services.GetRequiredService<SocketTokens>();
        var users = Enumerable.Range(0, 300).Select(i => $"user-{i:D10}").ToList();
        var issued = users.ConvertAll(user => issuer.Create("socket", user, TimeSpan.FromDays(10)));
        _time.Advance(TimeSpan.FromSeconds(1));
        users.ForEach(user => issuer.Revoke(user));
        await using var two = await StartAsync("n2", cluster);
        var tokens = two.Services.GetRequiredService<SocketTokens>();
        await TestTimeouts.UntilAsync("all are known", TestClient.Timeout, () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return issued.TrueForAll(token => tokens.TryRead("socket", token) is null);
        });
    }

    [Fact]
    public async Task Forged_revocation_is_dropped_and_counted()
    {
        await using var host = await StartAsync();
        using var dropped = new CountedReasons(host.Services, "presence.frames.dropped");
        var token = Token(host);
        foreach (var body in new[] { """[{"User":"ann","Before":3155378975999999999}]"""u8.ToArray(), [] })
        {
            host.Server.Node.PubSub.Broadcast(new("presence.revocations", "revoke", body, IsBinary: true));
        }

        await TestTimeouts.UntilAsync("both came", TestClient.Timeout, () => dropped.Reasons.Length == 2);
        Assert.All(dropped.Reasons, reason => Assert.Equal("forged_revocation", reason));
        Assert.Equal("ann", host.Services.GetRequiredService<SocketTokens>().TryRead("socket", token));
    }

    [Fact]
    public void User_of_the_host_is_a_token()
    {
        var http = new DefaultHttpContext();
        Assert.Null(SocketToken.FromUser(http));
        http.User = new(new ClaimsIdentity([new("sub", "ann"), new("iat", "1000"), new("exp", "2000")], "jwt"));
        Assert.Equal(
            new SocketToken("ann", DateTimeOffset.FromUnixTimeSeconds(1000), DateTimeOffset.FromUnixTimeSeconds(2000)),
            SocketToken.FromUser(http));
        http.User = new(new ClaimsIdentity([new(ClaimTypes.NameIdentifier, "bob"), new("exp", "x")], "cookie"));
        Assert.Equal(("bob", DateTimeOffset.MaxValue),
            SocketToken.FromUser(http) is { } bob ? (bob.UserId, bob.ExpiresAt) : default);
        http.User = new(new ClaimsIdentity([new("sub", "eve")]));
        Assert.Null(SocketToken.FromUser(http));
    }

    private Task<TimeSpan> UntilNodesKnowEachOtherAsync(params WebHost[] hosts) => TestTimeouts.UntilAsync(
        "the nodes know each other",
        TestClient.Timeout,
        () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return hosts.All(host => host.Server.Node.Nodes().Count(node => node.Status == "up") == hosts.Length);
        });

    private Task<WebHost> StartAsync(
        string name = "n1", InMemoryCluster? cluster = null, params string[] settings) => WebHost.StartAsync(
        name,
        cluster,
        builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(_time);
            builder.Services.AddSingleton<IDataProtectionProvider>(Keys);
        },
        null,
        settings);

    private EphemeralDataProtectionProvider Keys { get; } = new();

    private static string Token(WebHost host, string user = "ann") =>
        host.Services.GetRequiredService<SocketTokens>().Create("socket", user, TimeSpan.FromMinutes(1));

    private static Task<ClientWebSocket> ConnectAsync(WebHost host, string token) =>
        host.ConnectAsync($"/socket/websocket?vsn=2.0.0&ends=1&token={token}");

    private static async Task JoinAsync(ClientWebSocket socket)
    {
        await socket.SendAsync("""["1","1","room:a","phx_join",{"key":"ann"}]""");
        Assert.Contains("phx_reply", await socket.NextAsync(), StringComparison.Ordinal);
        Assert.Contains("presence_state", await socket.NextAsync(), StringComparison.Ordinal);
    }

    private static async Task AnswerAsync(ClientWebSocket socket, string token, string status, string response)
    {
        await socket.SendAsync($$"""["1","2","room:a","access_token",{"access_token":"{{token}}"}]""");
        Assert.Equal(
            $$$"""["1","2","room:a","phx_reply",{"status":"{{{status}}}","response":{{{response}}}}]""",
            await socket.NextAsync());
    }

    private static async Task<string> LastAsync(ClientWebSocket socket)
    {
        string last;
        do
        {
            last = await socket.NextAsync();
        }
        while (!last.StartsWith("closed", StringComparison.Ordinal));
        return last;
    }
}
