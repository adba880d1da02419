using System.Buffers.Text;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Presence.Node.Telemetry;

namespace Presence.Channels.Tests.Transport;

public sealed class WebSocketTests
{
    private const string Heartbeat = """[null,"1","phoenix","heartbeat",{}]""";
    private const string HeartbeatReply = """[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]""";

    [Fact]
    public async Task Token_in_the_address_is_accepted()
    {
        await using var host = await WebHost.StartAsync();
        var token = host.Services.GetRequiredService<SocketTokens>().Create("socket", "ann", TimeSpan.FromMinutes(1));
        using var socket = await host.ConnectAsync($"/socket/websocket?vsn=2.0.0&token={Uri.EscapeDataString(token)}");
        await socket.SendAsync(Heartbeat);
        Assert.Equal(HeartbeatReply, await socket.NextAsync());
    }

    [Fact]
    public async Task Token_in_the_subprotocol_is_accepted_and_not_in_the_response()
    {
        await using var host = await WebHost.StartAsync();
        var token = host.Services.GetRequiredService<SocketTokens>().Create("socket", "ann", TimeSpan.FromMinutes(1));
        using var socket = await host.ConnectAsync("/socket/websocket?vsn=2.0.0", options =>
        {
            options.AddSubProtocol("phoenix");
            options.AddSubProtocol(
                "base64url.bearer.phx." + Convert.ToBase64String(Encoding.UTF8.GetBytes(token)).TrimEnd('='));
        });
        Assert.Equal(WebSocketState.Open, socket.State);
        Assert.Equal("phoenix", socket.SubProtocol);
    }

    [Theory]
    [InlineData("/socket/websocket?vsn=2.0.0", HttpStatusCode.Forbidden)]
    [InlineData("/socket/websocket?vsn=2.0.0&token=forged", HttpStatusCode.Forbidden)]
    [InlineData("/socket/websocket?vsn=2.0.0&crash=1", HttpStatusCode.Forbidden)]
    [InlineData("/open/websocket?vsn=3.0.0", HttpStatusCode.Forbidden)]
    [InlineData("/open/websocket?vsn=x", HttpStatusCode.Forbidden)]
    [InlineData("/open/websocket?vsn=", HttpStatusCode.Forbidden)]
    [InlineData("/open/websocket?vsn", HttpStatusCode.Forbidden)]
    public async Task Rejected_client_gets_403(string address, HttpStatusCode status)
    {
        await using var host = await WebHost.StartAsync();
        using var socket = await host.ConnectAsync(address);
        Assert.Equal(status, socket.HttpStatusCode);
    }

    [Fact]
    public async Task Request_without_upgrade_gets_400()
    {
        await using var host = await WebHost.StartAsync();
        using var http = new HttpClient { BaseAddress = host.Address };
        Assert.Equal(
            HttpStatusCode.BadRequest, (await http.GetAsync(new Uri("/open/websocket", UriKind.Relative))).StatusCode);
        Assert.Equal(
            HttpStatusCode.BadRequest,
            (await http.PostAsync(new Uri("/open/websocket", UriKind.Relative), null)).StatusCode);
    }

    [Theory]
    [InlineData("http://127.0.0.1:9999", true)]
    [InlineData("http://evil.example", false)]
    [InlineData("null", false)]
    public async Task By_default_pages_of_the_same_host_may_connect(string origin, bool allowed)
    {
        await using var host = await WebHost.StartAsync();
        using var socket = await host.ConnectAsync(
            "/open/websocket?vsn=2.0.0", o => o.SetRequestHeader("Origin", origin));
        Assert.Equal(allowed, socket.State == WebSocketState.Open);
    }

    [Theory]
    [InlineData("https://shop.example", true)]
    [InlineData("https://a.shop.example", false)]
    [InlineData("https://x.wild.example", true)]
    [InlineData("https://wild.example", false)]
    [InlineData("https://exact.example:8443", true)]
    [InlineData("https://exact.example", false)]
    public async Task Listed_origins_may_connect(string origin, bool allowed)
    {
        await using var host = await WebHost.StartAsync(
            null,
            "--Presence:AllowedOrigins:0=shop.example",
            "--Presence:AllowedOrigins:1=*.wild.example",
            "--Presence:AllowedOrigins:2=https://exact.example:8443");
        using var socket = await host.ConnectAsync(
            "/open/websocket?vsn=2.0.0", o => o.SetRequestHeader("Origin", origin));
        Assert.Equal(allowed, socket.State == WebSocketState.Open);
    }

    [Fact]
    public async Task A_frame_in_many_pieces_is_one_frame()
    {
        await using var host = await WebHost.StartAsync();
        using var socket = await OpenAsync(host);
        var big = $$"""["1","2","echo:a","echo",{"x":"{{new string('y', 100_000)}}"}]""";
        await JoinAsync(socket);
        var bytes = Encoding.UTF8.GetBytes(big);
        await socket.SendAsync(bytes.AsMemory(0, 10), WebSocketMessageType.Text, false, default);
        await socket.SendAsync(bytes.AsMemory(10, 70_000), WebSocketMessageType.Text, false, default);
        await socket.SendAsync(bytes.AsMemory(70_010), WebSocketMessageType.Text, true, default);
        Assert.Contains(new string('y', 100_000), await socket.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Frame_beyond_the_limit_closes_only_its_connection_with_1009()
    {
        await using var host = await WebHost.StartAsync(l => l.MaxFrameBytes = 1000);
        using var socket = await OpenAsync(host);
        using var other = await OpenAsync(host);
        await socket.SendAsync(new string('x', 1001));
        Assert.Equal("closed 1009", await socket.NextAsync());
        await other.SendAsync(Heartbeat);
        Assert.Equal(HeartbeatReply, await other.NextAsync());
    }

    [Fact]
    public async Task Frame_of_exactly_the_limit_is_accepted()
    {
        await using var host = await WebHost.StartAsync(l => l.MaxFrameBytes = 1000);
        using var socket = await OpenAsync(host);
        await socket.SendAsync(Heartbeat + new string(' ', 1000 - Heartbeat.Length));
        Assert.Equal(HeartbeatReply, await socket.NextAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("junk")]
    public async Task Malformed_frame_closes_with_1007(string text)
    {
        await using var host = await WebHost.StartAsync();
        using var socket = await OpenAsync(host);
        await socket.SendAsync(text);
        Assert.Equal("closed 1007", await socket.NextAsync());
    }

    [Fact]
    public async Task A_large_state_arrives_whole()
    {
        await using var host = await WebHost.StartAsync();
        var node = host.Server.Node;
        var session = node.OpenSession();
        for (var i = 0; i < 500; i++)
        {
            await node.Tracker.TrackAsync(session, "t", "k" + i, PresenceMeta.Empty);
        }

        using var socket = await OpenAsync(host);
        await socket.SendAsync("""["1","1","watch:t","phx_join",{}]""");
        await socket.NextAsync();
        var state = System.Text.Json.JsonDocument.Parse(await socket.NextAsync()).RootElement;
        Assert.Equal(500, state[4].EnumerateObject().Count());
        Assert.Equal("1", state[0].GetString());
    }

    [Fact]
    public async Task Client_that_never_reads_is_disconnected_and_the_others_are_served()
    {
        await using var host = await WebHost.StartAsync(
            l => (l.MaxSendQueueBytes, l.MaxSendQueueFrames) = (1 << 20, 100));
        using var dropped = new CountedReasons(host.Services, "presence.frames.dropped");
        using var closed = new CountedReasons(host.Services, "presence.sockets.closed");
        using var deaf = await OpenAsync(host);
        await JoinAsync(deaf);
        using var reader = await OpenAsync(host);
        await JoinAsync(reader);
        Assert.Equal(2, host.Server.Sockets.Count);
        var payload = ChannelPayload.From(new { x = new string('x', 200_000) });
        var sent = 0;
        while (host.Server.Sockets.Count == 2)
        {
            Assert.True(++sent < 2000, "the client that never reads was not disconnected");
            host.Server.Broadcaster.Broadcast("echo:a", "news", payload);
            Assert.Contains("news", await reader.NextAsync(), StringComparison.Ordinal);
        }

        await reader.SendAsync(Heartbeat);
        Assert.Equal(HeartbeatReply, await reader.NextAsync());
        Assert.Equal(["slow_consumer"], dropped.Reasons);
        Assert.Equal(["slow_consumer"], closed.Reasons);
        var slow = Assert.Single(host.Services.GetRequiredService<SlowConsumers>().Last(10));
        Assert.Equal(("127.0.0.1", "cut off: its queue was full"), (slow.Name, slow.Detail));
    }

    [Fact]
    public async Task Aborted_connection_ends_its_presences()
    {
        await using var host = await WebHost.StartAsync();
        var token = host.Services.GetRequiredService<SocketTokens>().Create("socket", "ann", TimeSpan.FromMinutes(1));
        var socket = await host.ConnectAsync($"/socket/websocket?vsn=2.0.0&token={token}");
        await socket.SendAsync("""["1","1","room:a","phx_join",{"key":"ann"}]""");
        await socket.NextAsync();
        var left = new TaskCompletionSource();
        using var watch = host.Server.Node.Tracker.Subscribe("room:a", _ => left.TrySetResult());
        Assert.Single(watch.Snapshot);
        socket.Abort();
        await left.Task.WaitAsync(TestClient.Timeout);
        Assert.Equal(0, host.Server.Node.Tracker.Count("room:a"));
    }

    [Fact]
    public async Task A_client_that_closes_is_answered()
    {
        await using var host = await WebHost.StartAsync();
        using var socket = await OpenAsync(host);
        await socket.CloseAsync(
            WebSocketCloseStatus.NormalClosure, null, new CancellationTokenSource(TestClient.Timeout).Token);
        Assert.Equal(WebSocketState.Closed, socket.State);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
    }

    [Fact]
    public async Task A_disconnect_by_id_closes_with_1001()
    {
        await using var host = await WebHost.StartAsync();
        var token = host.Services.GetRequiredService<SocketTokens>().Create("socket", "ann", TimeSpan.FromMinutes(1));
        using var socket = await host.ConnectAsync($"/socket/websocket?vsn=2.0.0&token={token}");
        await socket.SendAsync(Heartbeat);
        await socket.NextAsync();
        host.Services.GetRequiredService<IChannelBroadcaster>().Disconnect("user:ann");
        Assert.Equal("closed 1001", await socket.NextAsync());
    }

    [Fact]
    public async Task Stopping_host_closes_with_1012_without_sending_leaves()
    {
        await using var host = await WebHost.StartAsync();
        var token = host.Services.GetRequiredService<SocketTokens>().Create("socket", "ann", TimeSpan.FromMinutes(1));
        using var socket = await host.ConnectAsync($"/socket/websocket?vsn=2.0.0&token={token}");
        await socket.SendAsync("""["1","1","room:a","phx_join",{"key":"ann"}]""");
        await socket.NextAsync();
        await socket.NextAsync();
        var stop = host.StopAsync();
        Assert.Equal("closed 1012", await socket.NextAsync());
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
        await stop.WaitAsync(TestClient.Timeout);
    }

    [Fact]
    public async Task Two_nodes_share_broadcasts_and_presences()
    {
        var cluster = new Presence.Node.InMemoryCluster();
        await using var one = await WebHost.StartAsync("n1", cluster);
        await using var two = await WebHost.StartAsync("n2", cluster);
        using var ann = await OpenAsync(one);
        using var bob = await OpenAsync(two);
        await JoinAsync(ann);
        await bob.SendAsync("""["1","1","watch:t","phx_join",{}]""");
        await bob.NextAsync();
        Assert.Equal("""["1",null,"watch:t","presence_state",{}]""", await bob.NextAsync());

        two.Services.GetRequiredService<IChannelBroadcaster>().Broadcast("echo:a", "news", new { n = 1 });
        Assert.Equal("""[null,null,"echo:a","news",{"n":1}]""", await ann.NextAsync());
        var session = one.Server.Node.OpenSession();
        var entry = await one.Server.Node.Tracker.TrackAsync(session, "t", "k", PresenceMeta.Empty);
        var meta = $$$"""{"k":{"metas":[{"phx_ref":"{{{entry.Ref}}}"}]}}""";
        Assert.Equal(
            $$$"""["1",null,"watch:t","presence_diff",{"joins":{{{meta}}},"leaves":{}}]""", await bob.NextAsync());
        session.End();
        Assert.Equal(
            $$$"""["1",null,"watch:t","presence_diff",{"joins":{},"leaves":{{{meta}}}}]""", await bob.NextAsync());
    }

    [Fact]
    public async Task Full_node_rejects_with_503()
    {
        await using var host = await WebHost.StartAsync(l => l.MaxSockets = 1);
        using var first = await OpenAsync(host);
        await first.SendAsync(Heartbeat);
        await first.NextAsync();
        using var second = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.HttpStatusCode);
    }

    [Fact]
    public async Task A_bad_limit_stops_the_start_with_its_name_and_rule()
    {
        var error = await Assert.ThrowsAnyAsync<Exception>(
            () => WebHost.StartAsync(null, "--Presence:Limits:MaxTopicBytes=999"));
        Assert.Contains("Presence:Limits:MaxTopicBytes is 999", error.Message, StringComparison.Ordinal);
    }

    private static async Task<ClientWebSocket> OpenAsync(WebHost host)
    {
        var socket = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        Assert.Equal(WebSocketState.Open, socket.State);
        return socket;
    }

    private static async Task JoinAsync(WebSocket socket)
    {
        await socket.SendAsync("""["1","1","echo:a","phx_join",{}]""");
        Assert.Equal("""["1","1","echo:a","phx_reply",{"status":"ok","response":{}}]""", await socket.NextAsync());
    }
}
