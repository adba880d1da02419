using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Presence.SignalR.Tests;

/// <summary>A client of a hub in the JSON protocol that sees the frames of WebSocket messages.</summary>
internal sealed class FrameClient : IDisposable
{
    private const byte LastFrame = 0x80;

    // Fixed, because the system would enlarge it to the size of the messages that a client does not read.
    private readonly TcpClient _socket = new() { ReceiveBufferSize = 64 * 1024 };

    private NetworkStream Stream => _socket.GetStream();

    public static async Task<FrameClient> ConnectAsync(Uri server, string path)
    {
        var client = new FrameClient();
        await client._socket.ConnectAsync(server.Host, server.Port);
        await client.Stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"GET {path} HTTP/1.1\r\nHost: {server.Authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"));
        var answer = new StringBuilder();
        while (!answer.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            answer.Append((char)(await client.ReadAsync(1))[0]);
        }

        Assert.StartsWith("HTTP/1.1 101", answer.ToString());
        await client.SendAsync("""{"protocol":"json","version":1}""");
        await client.ReceiveAsync();
        return client;
    }

    /// <summary>Sends a short message.</summary>
    public async Task SendAsync(string message)
    {
        var bytes = Encoding.UTF8.GetBytes(message + "\u001e");
        Assert.InRange(bytes.Length, 1, 125);
        await Stream.WriteAsync((byte[])[0x81, (byte)(0x80 | bytes.Length), 0, 0, 0, 0, .. bytes]);
    }

    /// <summary>Returns the sizes of the frames of the next message, or of what is left of one.</summary>
    public async Task<List<int>> ReceiveAsync()
    {
        var sizes = new List<int>();
        bool isLast;
        do
        {
            (var size, isLast) = await ReceiveFrameAsync();
            sizes.Add(size);
        }
        while (!isLast);
        return sizes;
    }

    public async Task<(int Size, bool IsLast)> ReceiveFrameAsync()
    {
        var header = await ReadAsync(2);
        var size = header[1] switch
        {
            126 => BinaryPrimitives.ReadUInt16BigEndian(await ReadAsync(2)),
            127 => (int)BinaryPrimitives.ReadInt64BigEndian(await ReadAsync(8)),
            var small => small,
        };
        await ReadAsync(size);
        return (size, (header[0] & LastFrame) != 0);
    }

    public void Dispose() => _socket.Dispose();

    private async Task<byte[]> ReadAsync(int size)
    {
        var bytes = new byte[size];
        await Stream.ReadExactlyAsync(bytes).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        return bytes;
    }
}
