using System.Net.Sockets;
using Presence.Channels.Transport;

namespace Presence.Channels.Tests.Transport;

/// <summary>The path past the web server's pipe, which <see cref="ChannelOptions.DirectSockets"/> turns on.</summary>
public sealed class DirectSocketStreamTests : IDisposable
{
    private readonly Socket _client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Socket _server;
    private readonly MemoryStream _pipe = new();
    private readonly DirectSocketStream _stream;

    public DirectSocketStreamTests()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _client.Connect(listener.LocalEndPoint!);
        _server = listener.Accept();
        _stream = new DirectSocketStream(_pipe, _server, acceptsFrames: true);
    }

    public void Dispose()
    {
        _stream.Dispose();
        _server.Dispose();
        _client.Dispose();
    }

    [Fact]
    public async Task Stream_stays_on_the_pipe_if_its_first_write_precedes_the_first_byte_of_the_client()
    {
        await WriteAsync("first ");
        _stream.OnReceived();
        await WriteAsync("second");
        Assert.Equal("first second", Encoding.ASCII.GetString(_pipe.ToArray()));
        Assert.Equal(0, _client.Available);
    }

    [Fact]
    public async Task Bytes_bypass_the_pipe_after_the_first_byte_of_the_client_and_are_combined_while_corked()
    {
        _stream.OnReceived();
        _stream.Cork(more: true);
        await WriteAsync("one ");
        Assert.True(_stream.TryWriteFrame("two "u8.ToArray(), out var frame));
        await frame;
        Assert.Equal(0, _client.Available);
        _stream.Cork(more: false);
        await WriteAsync("three");
        Assert.Equal("one two three", Encoding.ASCII.GetString(await ReceiveAsync(13)));
        Assert.Equal(0, _pipe.Length);
    }

    [Fact]
    public async Task Slow_client_delays_the_writers_and_gets_every_byte_once_in_order()
    {
        _stream.OnReceived();
        var bytes = new byte[20_000_000];
        new Random(1).NextBytes(bytes);
        var first = _stream.WriteAsync(bytes).AsTask();
        Assert.True(_stream.TryWriteFrame("frame "u8.ToArray(), out var frame));
        var pong = WriteAsync("pong").AsTask();
        Assert.False(first.IsCompleted || frame.IsCompleted || pong.IsCompleted);
        var received = await ReceiveAsync(bytes.Length + 10);
        await Task.WhenAll(first, frame.AsTask(), pong).WaitAsync(TestClient.Timeout);
        Assert.True(bytes.AsSpan().SequenceEqual(received.AsSpan(0, bytes.Length)));
        Assert.Equal("frame pong", Encoding.ASCII.GetString(received.AsSpan(bytes.Length)));
    }

    [Fact]
    public async Task Failed_connection_throws_IOException()
    {
        _stream.OnReceived();
        _client.LingerState = new LingerOption(true, 0);
        _client.Dispose();

        // The system may accept the first bytes before it detects the reset.
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            while (true)
            {
                await WriteAsync("x");
            }
        });
    }

    private ValueTask WriteAsync(string text) => _stream.WriteAsync(Encoding.ASCII.GetBytes(text));

    private async Task<byte[]> ReceiveAsync(int length)
    {
        var bytes = new byte[length];
        for (var read = 0; read < length;)
        {
            read += await _client.ReceiveAsync(bytes.AsMemory(read)).AsTask().WaitAsync(TestClient.Timeout);
        }

        return bytes;
    }
}
