using System.Net.Sockets;

namespace Presence.Channels.Tests.Transport;

/// <summary>A WebSocket client that sends any bytes.</summary>
internal sealed class RawSocket : IDisposable
{
    private readonly TcpClient _tcp = new();

    public static async Task<RawSocket> OpenAsync(WebHost host)
    {
        var socket = new RawSocket();
        await socket._tcp.ConnectAsync(IPAddress.Loopback, host.Address.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes(
            "GET /open/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
        await socket.ReceiveUntilAsync("\r\n\r\n"u8.ToArray());
        return socket;
    }

    /// <summary>Sends a request with any bytes in its headers and returns the answer up to its body.</summary>
    public static async Task<string> RequestAsync(WebHost host, string request)
    {
        using var socket = new RawSocket();
        await socket._tcp.ConnectAsync(IPAddress.Loopback, host.Address.Port);
        await socket.SendAsync(Encoding.UTF8.GetBytes(request.ReplaceLineEndings("\r\n") + "\r\n\r\n"));
        return Encoding.ASCII.GetString(await socket.ReceiveUntilAsync("\r\n\r\n"u8.ToArray()));
    }

    /// <summary>Sends a request and never reads the answer.</summary>
    public static async Task<RawSocket> GetAsync(WebHost host, string path, string token)
    {
        var socket = new RawSocket();
        socket._tcp.ReceiveBufferSize = 4096;
        await socket._tcp.ConnectAsync(IPAddress.Loopback, host.Address.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes(
            $"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Phoenix-Longpoll-Token: {token}\r\n\r\n"));
        return socket;
    }

    public async Task SendAsync(byte[] bytes) => await _tcp.Client.SendAsync(bytes);

    public async Task<byte[]> ReceiveUntilAsync(byte[] end)
    {
        using var timeout = new CancellationTokenSource(TestClient.Timeout);
        var received = new List<byte>();
        var buffer = new byte[1];
        while (!received.TakeLast(end.Length).SequenceEqual(end))
        {
            Assert.Equal(1, await _tcp.Client.ReceiveAsync(buffer, timeout.Token));
            received.Add(buffer[0]);
        }

        return [.. received];
    }

    public void Dispose() => _tcp.Dispose();
}
