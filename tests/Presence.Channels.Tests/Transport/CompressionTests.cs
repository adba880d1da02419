using System.Net.WebSockets;

namespace Presence.Channels.Tests.Transport;

public sealed class CompressionTests
{
    private const string Extensions = "Sec-WebSocket-Extensions";
    private const string Join = """["1","1","echo:a","phx_join",{}]""";
    private const string Joined = """["1","1","echo:a","phx_reply",{"status":"ok","response":{}}]""";

    [Fact]
    public async Task It_is_off_unless_it_is_asked_for_in_the_settings()
    {
        await using var host = await WebHost.StartAsync();
        using var socket = await OpenAsync(host, deflate: true);
        Assert.False(socket.HttpResponseHeaders!.ContainsKey(Extensions));
        await socket.SendAsync(Join);
        Assert.Equal(Joined, await socket.NextAsync());
    }

    [Fact]
    public async Task A_client_that_offers_it_gets_it_without_a_window_kept_by_the_server()
    {
        await using var host = await WebHost.StartAsync(null, "--Presence:CompressSockets=true");
        using var socket = await OpenAsync(host, deflate: true);
        var agreed = Assert.Single(socket.HttpResponseHeaders![Extensions]);
        Assert.StartsWith("permessage-deflate", agreed, StringComparison.Ordinal);
        Assert.Contains("server_no_context_takeover", agreed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_does_not_offer_it_is_served_without()
    {
        await using var host = await WebHost.StartAsync(null, "--Presence:CompressSockets=true");
        using var socket = await OpenAsync(host, deflate: false);
        Assert.False(socket.HttpResponseHeaders!.ContainsKey(Extensions));
        await socket.SendAsync(Join);
        Assert.Equal(Joined, await socket.NextAsync());
    }

    [Theory]
    [InlineData(10)]
    [InlineData(200_000)]
    public async Task Compressed_and_plain_clients_of_one_topic_hear_the_same(int length)
    {
        await using var host = await WebHost.StartAsync(null, "--Presence:CompressSockets=true");
        using var compressed = await OpenAsync(host, deflate: true);
        using var plain = await OpenAsync(host, deflate: false);
        foreach (var socket in new[] { compressed, plain })
        {
            await socket.SendAsync(Join);
            Assert.Equal(Joined, await socket.NextAsync());
        }

        var text = new string('x', length);
        await compressed.SendAsync($$"""["1","2","echo:a","echo",{"text":"{{text}}"}]""");
        Assert.Equal(
            $$$"""["1","2","echo:a","phx_reply",{"status":"ok","response":{"text":"{{{text}}}"}}]""", await compressed.NextAsync());
        for (var i = 0; i < 20; i++)
        {
            host.Server.Broadcaster.Broadcast("echo:a", "told", ChannelPayload.From(new { i, text }));
        }

        for (var i = 0; i < 20; i++)
        {
            var expected = $$"""[null,null,"echo:a","told",{"i":{{i}},"text":"{{text}}"}]""";
            Assert.Equal(expected, await compressed.NextAsync());
            Assert.Equal(expected, await plain.NextAsync());
        }
    }

    private static async Task<ClientWebSocket> OpenAsync(WebHost host, bool deflate)
    {
        var socket = await host.ConnectAsync(
            "/open/websocket?vsn=2.0.0",
            options => options.DangerousDeflateOptions = deflate ? new WebSocketDeflateOptions() : null);
        Assert.Equal(WebSocketState.Open, socket.State);
        return socket;
    }
}
