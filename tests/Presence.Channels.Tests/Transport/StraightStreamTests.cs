using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;

namespace Presence.Channels.Tests.Transport;

/// <summary>The way past the web server, byte by byte.</summary>
public sealed class StraightStreamTests : IDisposable
{
    private readonly Socket _client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Socket _server;
    private readonly MemoryStream _pipe = new();
    private readonly StraightStream _stream;

    public StraightStreamTests()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _client.Connect(listener.LocalEndPoint!);
        _server = listener.Accept();
        _stream = new StraightStream(_pipe, _server, takesFrames: true);
    }

    public void Dispose()
    {
        _stream.Dispose();
        _server.Dispose();
        _client.Dispose();
    }

    [Fact]
    public async Task Before_the_client_was_heard_of_and_ever_after_what_is_written_goes_through_the_web_server()
    {
        await WriteAsync("first ");
        _stream.Heard();
        await WriteAsync("second");
        Assert.Equal("first second", Encoding.ASCII.GetString(_pipe.ToArray()));
        Assert.Equal(0, _client.Available);
    }

    [Fact]
    public async Task Once_it_was_heard_of_bytes_go_straight()
    {
        _stream.Heard();
        await WriteAsync("hello");
        Assert.Equal("hello", Receive(5));
        Assert.Equal(0, _pipe.Length);
    }

    [Fact]
    public async Task What_has_more_behind_it_waits_and_goes_with_it()
    {
        _stream.Heard();
        _stream.Hold(more: true);
        await WriteAsync("one ");
        await WriteAsync("two ");
        Assert.Equal(0, _client.Available);
        _stream.Hold(more: false);
        await WriteAsync("three");
        Assert.Equal("one two three", Receive(13));
    }

    [Fact]
    public async Task More_than_is_held_keeps_its_order()
    {
        _stream.Heard();
        _stream.Hold(more: true);
        var text = new StringBuilder();
        foreach (var size in new[] { 10, 16_000, 500, 40_000, 3, 16_384, 1 })
        {
            var part = new string((char)('a' + (text.Length % 26)), size);
            text.Append(part);
            _stream.Hold(more: size != 1);
            await WriteAsync(part);
        }

        Assert.Equal(text.ToString(), Receive(text.Length));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_does_not_read_makes_the_writer_wait_and_gets_every_byte_once(bool held)
    {
        _stream.Heard();
        var bytes = new byte[20_000_000];
        new Random(1).NextBytes(bytes);
        if (held)
        {
            _stream.Hold(more: true);
            await _stream.WriteAsync(bytes.AsMemory(0, 1000));
            _stream.Hold(more: false);
        }

        var writing = _stream.WriteAsync(bytes.AsMemory(held ? 1000 : 0)).AsTask();
        Assert.False(writing.IsCompleted);
        var got = new byte[bytes.Length];
        for (var read = 0; read < got.Length;)
        {
            read += await _client.ReceiveAsync(got.AsMemory(read)).AsTask().WaitAsync(TestClient.Patience);
        }

        await writing.WaitAsync(TestClient.Patience);
        Assert.True(bytes.AsSpan().SequenceEqual(got));
        Assert.Equal(0, _client.Available);
    }

    [Fact]
    public async Task What_comes_while_the_client_does_not_read_waits_behind_what_was_before()
    {
        _stream.Heard();
        var bytes = new byte[20_000_000];
        var first = _stream.WriteAsync(bytes).AsTask();
        Assert.True(_stream.TryWriteFrame("frame "u8.ToArray(), out var frame));
        var pong = _stream.WriteAsync("pong"u8.ToArray()).AsTask();
        Assert.False(frame.IsCompleted || pong.IsCompleted);
        var got = new byte[bytes.Length + 10];
        for (var read = 0; read < got.Length;)
        {
            read += await _client.ReceiveAsync(got.AsMemory(read)).AsTask().WaitAsync(TestClient.Patience);
        }

        await Task.WhenAll(first, frame.AsTask(), pong).WaitAsync(TestClient.Patience);
        Assert.Equal("frame pong", Encoding.ASCII.GetString(got.AsSpan(bytes.Length)));
    }

    [Fact]
    public void Before_the_client_was_heard_of_frames_go_through_the_websocket_above()
    {
        Assert.False(_stream.TryWriteFrame("frame"u8.ToArray(), out _));
        _stream.Heard();
        Assert.False(_stream.TryWriteFrame("frame"u8.ToArray(), out _));
    }

    [Fact]
    public void Where_each_client_has_its_own_form_of_a_frame_none_goes_past_the_websocket_above()
    {
        using var compressed = new StraightStream(new MemoryStream(), _server, takesFrames: false);
        compressed.Heard();
        Assert.False(compressed.TryWriteFrame("frame"u8.ToArray(), out _));
    }

    [Fact]
    public async Task A_broken_connection_is_an_error_of_input_and_output()
    {
        _stream.Heard();
        _client.LingerState = new LingerOption(true, 0);
        _client.Dispose();

        // The system may take the first bytes before it has heard of the end.
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            while (true)
            {
                await WriteAsync("x");
            }
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_goes_past_whoever_changes_the_bytes_on_their_way(bool between)
    {
        var seen = new Counter();
        await using var host = await WebHost.StartAsync(
            "n1",
            null,
            builder => builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(
                next => connection =>
                {
                    if (between)
                    {
                        connection.Transport = new Between(connection.Transport, seen);
                    }

                    return next(connection);
                }))));
        using var socket = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        var upgraded = seen.Bytes;
        await socket.SendAsync("""["1","1","echo:a","phx_join",{}]""");
        var joined = await socket.NextAsync();
        Assert.Equal("""["1","1","echo:a","phx_reply",{"status":"ok","response":{}}]""", joined);
        Assert.Equal(between ? joined.Length + 2 : 0, seen.Bytes - upgraded);
    }

    private ValueTask WriteAsync(string text) => _stream.WriteAsync(Encoding.ASCII.GetBytes(text));

    private string Receive(int length)
    {
        var bytes = new byte[length];
        for (var read = 0; read < length;)
        {
            read += _client.Receive(bytes.AsSpan(read));
        }

        return Encoding.ASCII.GetString(bytes);
    }

    private sealed class Counter
    {
        public long Bytes;
    }

    private sealed class Between(IDuplexPipe inner, Counter seen) : IDuplexPipe
    {
        public PipeReader Input => inner.Input;

        public PipeWriter Output { get; } = new CountingWriter(inner.Output, seen);
    }

    private sealed class CountingWriter(PipeWriter inner, Counter seen) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes)
        {
            Interlocked.Add(ref seen.Bytes, bytes);
            inner.Advance(bytes);
        }

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
            inner.FlushAsync(cancellationToken);

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);
    }
}
