using System.Net.Http.Headers;

namespace Presence.Channels.Tests.Fuzz;

/// <summary>The same frames through a web server, by both transports.</summary>
public sealed class TransportFuzzTests(ITestOutputHelper output)
{
    private const int Frames = 3000;
    private const int ManyFrames = 500_000;
    private const int LinesOfABody = 3;

    [Theory]
    [InlineData("1.0.0")]
    [InlineData("2.0.0")]
    public Task Hostile_frames_over_a_websocket_do_not_affect_other_clients(string vsn) =>
        OverWebSocketAsync(vsn, Frames);

    [Theory]
    [Trait("Category", "Soak")]
    [InlineData("1.0.0")]
    [InlineData("2.0.0")]
    public Task Many_hostile_frames_over_a_websocket_do_not_affect_other_clients(string vsn) =>
        OverWebSocketAsync(vsn, ManyFrames);

    [Theory]
    [InlineData("1.0.0", "application/x-ndjson")]
    [InlineData("2.0.0", "application/x-ndjson")]
    [InlineData("2.0.0", "text/plain")]
    public Task Hostile_long_poll_bodies_do_not_affect_other_clients(string vsn, string contentType) =>
        OverLongPollAsync(vsn, contentType, Frames);

    [Theory]
    [Trait("Category", "Soak")]
    [InlineData("1.0.0", "application/x-ndjson")]
    [InlineData("2.0.0", "application/x-ndjson")]
    public Task Many_hostile_long_poll_bodies_do_not_affect_other_clients(string vsn, string contentType) =>
        OverLongPollAsync(vsn, contentType, ManyFrames);

    private async Task OverWebSocketAsync(string vsn, int frames)
    {
        await using var host = await WebHost.StartAsync(WithoutRates);
        using var other = await NeighbourAsync(host);
        var maker = new FrameMaker(7);
        ClientWebSocket? hostile = null;
        for (var i = 0; i < frames; i++)
        {
            if (hostile is not { State: WebSocketState.Open })
            {
                hostile?.Dispose();
                hostile = await host.ConnectAsync($"/open/websocket?vsn={vsn}");
                Drain(hostile);
            }

            var (bytes, binary) = maker.Next(vsn == "1.0.0");
            try
            {
                await hostile.SendAsync(
                    Aimed(bytes, binary), binary ? WebSocketMessageType.Binary : WebSocketMessageType.Text, true,
                    default);
            }
            catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
            {
                // Closed because of the previous frame; the next one uses a new connection.
            }

            if (i % 500 == 0)
            {
                await LookAtAsync(other, i);
            }
        }

        hostile?.Dispose();
        await OnlyTheNeighbourIsLeftAsync(host, other);
        output.WriteLine($"{frames} frames of version {vsn} over WebSockets");
    }

    private async Task OverLongPollAsync(string vsn, string contentType, int frames)
    {
        var (version1, posted) = (vsn == "1.0.0", 0);
        await using var host = await WebHost.StartAsync(limits =>
        {
            WithoutRates(limits);
            limits.LongPollTimeout = TimeSpan.FromSeconds(1);
        });
        using var other = await NeighbourAsync(host);
        using var http = new HttpClient { BaseAddress = host.Address };
        var maker = new FrameMaker(8);
        var token = "";
        for (var i = 0; posted < frames; i++)
        {
            if (token.Length == 0)
            {
                var opened = JsonDocument.Parse(await http.GetStringAsync($"/open/longpoll?vsn={vsn}")).RootElement;
                token = opened.GetProperty("token").GetString()!;
            }

            using var request = new HttpRequestMessage(HttpMethod.Post, $"/open/longpoll?vsn={vsn}");
            request.Headers.Add("X-Phoenix-Longpoll-Token", token);
            var lines = contentType.Contains("ndjson", StringComparison.Ordinal);
            request.Content = new ByteArrayContent(Body(maker, version1, lines));
            posted += lines ? LinesOfABody : 1;
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(contentType);
            using var response = await http.SendAsync(request);
            Assert.True((int)response.StatusCode < 500, $"frame {i}: {response.StatusCode}");
            var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
            if (answer.GetProperty("status").GetInt32() == 410)
            {
                token = "";
            }

            if (i % 250 == 0)
            {
                await LookAtAsync(other, i);
            }
        }

        // Connections end without polls.
        await OnlyTheNeighbourIsLeftAsync(host, other);
        output.WriteLine($"{posted} frames of version {vsn} in long polls");
    }

    private static void WithoutRates(ChannelLimits limits) =>
        (limits.MaxFramesPerSecond, limits.MaxBytesPerSecond, limits.MaxHandshakesPerAddress,
            limits.MaxHandshakesPerSecond) = (0, 0, 0, 0);

    private static byte[] Body(FrameMaker maker, bool version1, bool lines)
    {
        if (!lines)
        {
            var (bytes, binary) = maker.Next(version1);
            return Aimed(bytes, binary);
        }

        var body = new List<byte>();
        for (var line = 0; line < LinesOfABody; line++)
        {
            var (bytes, binary) = maker.Next(version1);
            body.AddRange(
                binary ? Encoding.ASCII.GetBytes(Convert.ToBase64String(Aimed(bytes, binary))) : Aimed(bytes, binary));
            body.Add((byte)'\n');
        }

        return [.. body];
    }

    /// <summary>Replaces topics by those of the host, of the same length.</summary>
    private static byte[] Aimed(byte[] bytes, bool binary) =>
        Encoding.Latin1.GetBytes(
            Encoding.Latin1.GetString(bytes).Replace("fuzz:", binary ? "room:" : "echo:", StringComparison.Ordinal));

    private static async Task<ClientWebSocket> NeighbourAsync(WebHost host)
    {
        var socket = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        await socket.SendAsync("""["1","1","echo:other","phx_join",{}]""");
        Assert.Equal("""["1","1","echo:other","phx_reply",{"status":"ok","response":{}}]""", await socket.NextAsync());
        return socket;
    }

    private static async Task LookAtAsync(ClientWebSocket other, int number)
    {
        await other.SendAsync($$"""["1","{{number}}","echo:other","echo",{"n":{{number}}}]""");
        Assert.Equal(
            $$$"""["1","{{{number}}}","echo:other","phx_reply",{"status":"ok","response":{"n":{{{number}}}}}]""",
            await other.NextAsync());
    }

    private static async Task OnlyTheNeighbourIsLeftAsync(WebHost host, ClientWebSocket other)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (host.Server.Sockets.Count > 1)
        {
            Assert.True(clock.Elapsed < TestClient.Timeout, $"{host.Server.Sockets.Count} sockets are left");
            await Task.Yield();
        }

        await LookAtAsync(other, 999_999);
    }

    /// <summary>Reads and discards everything.</summary>
    private static void Drain(ClientWebSocket socket) => _ = Task.Run(async () =>
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while ((await socket.ReceiveAsync(buffer, default)).MessageType != WebSocketMessageType.Close)
            {
            }

            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException
            or ObjectDisposedException or InvalidOperationException)
        {
            // The test or the server has closed it.
        }
    });
}
