using System.Net;
using System.Net.Http;
using System.Net.WebSockets;
using System.Text;
using Presence.Benchmarks.Sockets;

namespace Presence.Benchmarks.Viewers;

/// <summary>
/// Viewers of one large topic in which nothing happens, over HTTP/2: a hundred on each connection, so that there are
/// more of them than a process may have open files.
/// </summary>
internal static class IdleViewers
{
    private const int InFlight = 64;
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(300);

    /// <summary>Measures the memory of the server. Each viewer has received its first counts.</summary>
    /// <param name="path">What the viewers open.</param>
    /// <param name="isStream">Whether it is a stream of events; otherwise a WebSocket.</param>
    /// <param name="isRaw">Whether loops serve them, which send nothing to WebSockets at first.</param>
    /// <param name="viewers">The number of viewers.</param>
    public static async Task<Dictionary<string, double>> MeasureAsync(
        string path, bool isStream, bool isRaw, int viewers)
    {
        using var server = await ServerProcess.StartAsync(ViewerHost.Verb);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{server.Address}") };
        var port = await http.GetStringAsync(new Uri(ViewerHost.Http2Path, UriKind.Relative));
        var address = $"{server.Address.Address}:{port}";
        using var handler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true };
        using var invoker = new HttpMessageInvoker(handler);
        var resident = server.Resident;
        var open = new IDisposable[viewers];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, viewers),
            new ParallelOptions { MaxDegreeOfParallelism = InFlight },
            async (i, cancellation) => open[i] = isStream
                ? await StreamAsync(invoker, new Uri($"http://{address}{path}"), cancellation)
                : await ConnectAsync(invoker, new Uri($"ws://{address}{path}"), isRaw, cancellation))
            .WaitAsync(Timeout);
        await Task.Delay(Quiet);
        var memory = (server.Resident - resident) / 1024.0 / viewers;
        GC.KeepAlive(open);
        return new() { ["memory"] = memory };
    }

    private static async Task<IDisposable> StreamAsync(
        HttpMessageInvoker invoker, Uri address, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        var response = await invoker.SendAsync(request, cancellation);
        response.EnsureSuccessStatusCode();
        var body = await response.Content.ReadAsStreamAsync(cancellation);
        var received = await body.ReadAsync(new byte[4096], cancellation);
        return received > 0 ? response : throw new InvalidOperationException("The stream has ended.");
    }

    private static async Task<IDisposable> ConnectAsync(
        HttpMessageInvoker invoker, Uri address, bool isRaw, CancellationToken cancellation)
    {
        var socket = new ClientWebSocket();
        socket.Options.HttpVersion = HttpVersion.Version20;
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        await socket.ConnectAsync(address, invoker, cancellation);
        if (isRaw)
        {
            return socket;
        }

        var join = """["1","1","crowd","phx_join",{}]"""u8.ToArray();
        await socket.SendAsync(join, WebSocketMessageType.Text, true, cancellation);
        var (buffer, text) = (new byte[4096], "");
        while (!text.Contains("\"presence_counts\"", StringComparison.Ordinal))
        {
            var received = await socket.ReceiveAsync(buffer, cancellation);
            text += Encoding.UTF8.GetString(buffer.AsSpan(0, received.Count));
        }

        return socket;
    }
}
