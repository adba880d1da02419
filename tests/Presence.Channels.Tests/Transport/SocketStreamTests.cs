using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Presence.Channels.Transport;

namespace Presence.Channels.Tests.Transport;

/// <summary>The stream between a WebSocket and the web server's connection, byte by byte.</summary>
public sealed class SocketStreamTests : IDisposable
{
    private readonly Pipe _pipe = new(
        new PipeOptions(pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024));
    private readonly CountingStream _connection;
    private readonly SocketStream _stream;

    public SocketStreamTests()
    {
        _connection = new CountingStream(_pipe.Writer.AsStream());
        _stream = new SocketStream(_connection, acceptsFrames: true);
    }

    public void Dispose() => _stream.Dispose();

    [Fact]
    public async Task Corked_writes_are_combined_with_the_next_one()
    {
        _stream.Cork(more: true);
        await WriteAsync("one ");
        Assert.True(_stream.TryWriteFrame("two "u8.ToArray(), out var frame));
        await frame;
        Assert.Equal(0, _connection.Writes);
        _stream.Cork(more: false);
        await WriteAsync("three");
        Assert.Equal(1, _connection.Writes);
        Assert.Equal("one two three", await ReceiveAsync(13));
    }

    [Fact]
    public async Task Writes_larger_than_the_buffer_keep_their_order()
    {
        _stream.Cork(more: true);
        var text = new StringBuilder();
        var writing = new List<Task>();
        foreach (var size in new[] { 10, 16_000, 500, 40_000, 3, 16_384, 1 })
        {
            var part = new string((char)('a' + (text.Length % 26)), size);
            text.Append(part);
            _stream.Cork(more: size != 1);
            writing.Add(WriteAsync(part).AsTask());
        }

        Assert.Equal(text.ToString(), await ReceiveAsync(text.Length));
        await Task.WhenAll(writing).WaitAsync(TestClient.Timeout);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Slow_client_delays_the_writer_and_gets_every_byte_once(bool corked)
    {
        var bytes = new byte[20_000_000];
        new Random(1).NextBytes(bytes);
        if (corked)
        {
            _stream.Cork(more: true);
            await _stream.WriteAsync(bytes.AsMemory(0, 1000));
            _stream.Cork(more: false);
        }

        var writing = _stream.WriteAsync(bytes.AsMemory(corked ? 1000 : 0)).AsTask();
        Assert.False(writing.IsCompleted);
        var received = await ReceiveBytesAsync(bytes.Length);
        Assert.True(bytes.AsSpan().SequenceEqual(received));
        await writing.WaitAsync(TestClient.Timeout);
        Assert.False(_pipe.Reader.TryRead(out _));
    }

    [Fact]
    public async Task Writes_to_a_slow_client_wait_for_earlier_ones()
    {
        var bytes = new byte[20_000_000];
        var first = _stream.WriteAsync(bytes).AsTask();
        Assert.True(_stream.TryWriteFrame("frame "u8.ToArray(), out var frame));
        var pong = WriteAsync("pong").AsTask();
        Assert.False(frame.IsCompleted || pong.IsCompleted);
        var received = await ReceiveBytesAsync(bytes.Length + 10);
        await Task.WhenAll(first, frame.AsTask(), pong).WaitAsync(TestClient.Timeout);
        Assert.Equal("frame pong", Encoding.ASCII.GetString(received.AsSpan(bytes.Length)));
    }

    [Fact]
    public void Frames_are_sent_by_the_websocket_if_each_client_has_its_own_encoding()
    {
        using var compressed = new SocketStream(_connection, acceptsFrames: false);
        Assert.False(compressed.TryWriteFrame("frame"u8.ToArray(), out _));
        Assert.False(_stream.TryWriteFrame(default, out _));
        Assert.Equal(0, _connection.Writes);
    }

    [Fact]
    public async Task Failed_connection_fails_the_current_and_all_waiting_writes()
    {
        var first = _stream.WriteAsync(new byte[100_000]).AsTask();
        var second = WriteAsync("second").AsTask();
        Assert.False(first.IsCompleted || second.IsCompleted);
        _connection.Fail = true;
        await _pipe.Reader.CompleteAsync();
        await first.WaitAsync(TestClient.Timeout);
        await Assert.ThrowsAsync<IOException>(() => second.WaitAsync(TestClient.Timeout));
        await Assert.ThrowsAsync<IOException>(async () => await WriteAsync("third"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Middleware_of_the_connection_sees_every_byte_even_with_direct_sockets(bool direct)
    {
        var seen = new Counter();
        await using var host = await WebHost.StartAsync(
            "n1",
            null,
            builder =>
                builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(
                next => connection =>
                {
                    connection.Transport = new Between(connection.Transport, seen);
                    return next(connection);
                }))),
            null,
            $"--Presence:DirectSockets={direct}");
        using var socket = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        var upgraded = seen.Bytes;
        await socket.SendAsync("""["1","1","echo:a","phx_join",{}]""");
        var joined = await socket.NextAsync();
        Assert.Equal("""["1","1","echo:a","phx_reply",{"status":"ok","response":{}}]""", joined);
        Assert.Equal(joined.Length + 2, seen.Bytes - upgraded);
    }

    private ValueTask WriteAsync(string text) => _stream.WriteAsync(Encoding.ASCII.GetBytes(text));
    private async Task<string> ReceiveAsync(int length) => Encoding.ASCII.GetString(await ReceiveBytesAsync(length));

    private async Task<byte[]> ReceiveBytesAsync(int length)
    {
        var bytes = new byte[length];
        await _pipe.Reader.AsStream(leaveOpen: true).ReadExactlyAsync(bytes).AsTask().WaitAsync(TestClient.Timeout);
        return bytes;
    }

    private sealed class Counter
    {
        public long Bytes;
    }

    /// <summary>Records whole writes, as the web server's stream does, and can fail.</summary>
    private sealed class CountingStream(Stream inner) : MemoryStream
    {
        public int Writes { get; private set; }
        public bool Fail { get; set; }

        public override async ValueTask WriteAsync(
            ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Fail)
            {
                throw new IOException("The connection broke.");
            }

            Writes++;
            await inner.WriteAsync(buffer, cancellationToken);
        }
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
