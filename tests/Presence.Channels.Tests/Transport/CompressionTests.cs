using System.Net.WebSockets;

namespace Presence.Channels.Tests.Transport;

public sealed class CompressionTests
{
    private const string Extensions = "Sec-WebSocket-Extensions";
    private const string Join = """["1","1","echo:a","phx_join",{}]""";
    private const string Joined = """["1","1","echo:a","phx_reply",{"status":"ok","response":{}}]""";

    [Fact]
    public async Task Compression_is_off_by_default()
    {
        await using var host = await WebHost.StartAsync();
        using var socket = await OpenAsync(host, deflate: true);
        Assert.False(socket.HttpResponseHeaders!.ContainsKey(Extensions));
        await socket.SendAsync(Join);
        Assert.Equal(Joined, await socket.NextAsync());
    }

    [Fact]
    public async Task Compression_is_accepted_without_server_context_takeover()
    {
        await using var host = await WebHost.StartAsync(null, "--Presence:CompressSockets=true");
        using var socket = await OpenAsync(host, deflate: true);
        var agreed = Assert.Single(socket.HttpResponseHeaders![Extensions]);
        Assert.StartsWith("permessage-deflate", agreed, StringComparison.Ordinal);
        Assert.Contains("server_no_context_takeover", agreed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compression_is_not_used_unless_the_client_offers_it()
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
    public async Task Compressed_and_plain_clients_of_one_topic_get_the_same_messages(int length)
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
            $$$"""["1","2","echo:a","phx_reply",{"status":"ok","response":{"text":"{{{text}}}"}}]""", await compressed
                .NextAsync());
        for (var i = 0; i < 20; i++)
        {
            host.Server.Broadcaster.Broadcast("echo:a", "news", ChannelPayload.From(new { i, text }));
        }

        for (var i = 0; i < 20; i++)
        {
            var expected = $$"""[null,null,"echo:a","news",{"i":{{i}},"text":"{{text}}"}]""";
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
