using System.Collections.Concurrent;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Presence.Benchmarks.Peers;

/// <summary>
/// A WebSocket server by hand, as a separate process: it sends the bytes of each message to all sockets, in a loop.
/// </summary>
internal static class WebSocketHost
{
    /// <summary>The argument that starts this program as the server.</summary>
    public const string Verb = "serve-websockets";

    /// <summary>The path of the sockets.</summary>
    public const string Path = "/raw/socket";

    /// <summary>Serves until standard input ends.</summary>
    public static async Task<int> RunAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.Configure<SocketTransportOptions>(o => o.UnsafePreferInlineScheduling = true);
        builder.Services.AddSingleton<Everybody>();
        await using var app = builder.Build();
        app.UseWebSockets();
        app.Map(Path, (Everybody everybody, HttpContext http) => everybody.ServeAsync(http));
        await app.StartAsync();
        Console.WriteLine(new Uri(app.Urls.First()).Port);
        await Console.In.ReadToEndAsync();
        // Does not wait for the connections: the shutdown is not measured.
        Process.GetCurrentProcess().Kill();
        return 0;
    }

    /// <summary>All sockets. One message is sent at a time, because a socket accepts only one send at a time.</summary>
    private sealed class Everybody : IDisposable
    {
        private readonly ConcurrentDictionary<WebSocket, bool> _sockets = new();
        private readonly SemaphoreSlim _sending = new(1);

        public async Task ServeAsync(HttpContext http)
        {
            using var socket = await http.WebSockets.AcceptWebSocketAsync();
            _sockets[socket] = true;
            try
            {
                var buffer = new byte[1024];
                while (true)
                {
                    var received = await socket.ReceiveAsync(buffer, http.RequestAborted);
                    if (received.MessageType == WebSocketMessageType.Close)
                    {
                        return;
                    }

                    await SendAsync(buffer.AsMemory(0, received.Count));
                }
            }
            catch (Exception e) when (e is WebSocketException or OperationCanceledException)
            {
                // The client has dropped the connection.
            }
            finally
            {
                _sockets.TryRemove(socket, out _);
            }
        }

        public void Dispose() => _sending.Dispose();

        private async Task SendAsync(ReadOnlyMemory<byte> message)
        {
            await _sending.WaitAsync();
            try
            {
                foreach (var (socket, _) in _sockets)
                {
                    await SendAsync(socket, message);
                }
            }
            finally
            {
                _sending.Release();
            }
        }

        private static async ValueTask SendAsync(WebSocket socket, ReadOnlyMemory<byte> message)
        {
            try
            {
                await socket.SendAsync(message, WebSocketMessageType.Text, true, CancellationToken.None);
            }
            catch (Exception e) when (e is WebSocketException or ObjectDisposedException or OperationCanceledException)
            {
                // Its own loop removes it.
            }
        }
    }
}
