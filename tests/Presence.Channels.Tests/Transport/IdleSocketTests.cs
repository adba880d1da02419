using System.Net.Http;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Presence.Channels.Tests.Transport;

/// <summary>What keeps a socket open that sends no messages.</summary>
public sealed class IdleSocketTests
{
    private static readonly byte[] Ping = [0x89, 0x80, 0, 0, 0, 0];
    private static readonly byte[] Pong = [0x8A, 0x80, 0, 0, 0, 0];
    private static readonly byte[] Fragment = [0x01, 0x81, 0, 0, 0, 0, (byte)'['];

    public static TheoryData<byte[]> Frames => [Ping, Pong, Fragment];

    [Fact]
    public void Socket_outlives_two_heartbeats_of_a_hidden_tab_of_which_one_is_late() =>
        Assert.Equal(TimeSpan.FromSeconds(90), new ChannelLimits().IdleTimeout);

    [Theory]
    [MemberData(nameof(Frames))]
    public async Task Every_frame_is_a_sign_of_life(byte[] frame)
    {
        var time = new CountingTime();
        await using var host = await StartAsync(time);
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, host.Address.Port);
        await tcp.Client.SendAsync(Encoding.ASCII.GetBytes(
            "GET /open/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
        await ReceiveUntilAsync(tcp, "\r\n\r\n"u8.ToArray());
        time.Advance(TimeSpan.FromSeconds(80));
        await tcp.Client.SendAsync(frame);

        // The answer to the second ping shows that what came before the first one was handled.
        for (var i = 0; i < 2; i++)
        {
            await tcp.Client.SendAsync(Ping);
            await ReceiveUntilAsync(tcp, [0x8A, 0]);
        }

        time.Advance(TimeSpan.FromSeconds(80));
        await tcp.Client.SendAsync(Ping);
        await ReceiveUntilAsync(tcp, [0x8A, 0]);

        time.Advance(TimeSpan.FromSeconds(120));
        var closed = ReceiveUntilAsync(tcp, [0x88, 2, 1001 >> 8, 1001 & 255]);
        try
        {
            await closed.WaitAsync(TimeSpan.FromSeconds(5));
        }
        catch (TimeoutException)
        {
            // The answer to the last ping has arrived before its time was taken.
            time.Advance(TimeSpan.FromSeconds(120));
        }

        await closed;
    }

    [Fact]
    public async Task Ping_over_HTTP2_is_a_sign_of_life()
    {
        var time = new CountingTime();
        var reads = new CountedReads();
        await using var host = await StartAsync(time, HttpProtocols.Http2, reads);
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = HttpVersion.Version20;
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;

        // The client sends its keep-alive pings at once and all the time.
        socket.Options.KeepAliveInterval = TimeSpan.FromMilliseconds(5);
        socket.Options.KeepAliveTimeout = TestClient.Timeout;
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler());
        await socket.ConnectAsync(
            new UriBuilder(new Uri(host.Address, "/open/websocket?vsn=2.0.0")) { Scheme = "ws" }.Uri, invoker, default);
        var next = socket.NextAsync();
        using var timeout = new CancellationTokenSource(TestClient.Timeout);
        for (var i = 0; i < 10; i++)
        {
            // The second read to come begins when what the first one brought was handled.
            var before = reads.Begun;
            time.Advance(TimeSpan.FromSeconds(80));
            while (reads.Begun < before + 2)
            {
                Assert.False(timeout.IsCancellationRequested, "no ping was seen");
                await Task.Yield();
            }
        }

        Assert.False(next.IsCompleted);
    }

    private static Task<WebHost> StartAsync(
        CountingTime time, HttpProtocols protocols = HttpProtocols.Http1, CountedReads? reads = null) =>
        WebHost.StartAsync("n1", null, builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(time);
            builder.Services.AddSingleton<IStartupFilter>(reads ?? new CountedReads());
            builder.WebHost.ConfigureKestrel(
                kestrel => kestrel.ConfigureEndpointDefaults(listen => listen.Protocols = protocols));
        });

    private static async Task ReceiveUntilAsync(TcpClient tcp, byte[] end)
    {
        using var timeout = new CancellationTokenSource(TestClient.Timeout);
        var received = new List<byte>();
        var buffer = new byte[1];
        while (!received.TakeLast(end.Length).SequenceEqual(end))
        {
            Assert.Equal(1, await tcp.Client.ReceiveAsync(buffer, timeout.Token));
            received.Add(buffer[0]);
        }
    }

    /// <summary>Counts the reads of the server's sockets over HTTP/2.</summary>
    private sealed class CountedReads : IStartupFilter
    {
        private int _begun;

        public int Begun => Volatile.Read(ref _begun);

        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((http, rest) =>
            {
                if (http.Features.Get<IHttpExtendedConnectFeature>() is { } connect)
                {
                    http.Features.Set<IHttpExtendedConnectFeature>(new Connect(this, connect));
                }

                return rest(http);
            });
            next(app);
        };

        private sealed class Connect(CountedReads reads, IHttpExtendedConnectFeature inner)
            : IHttpExtendedConnectFeature
        {
            public bool IsExtendedConnect => inner.IsExtendedConnect;

            public string? Protocol => inner.Protocol;

            public async ValueTask<Stream> AcceptAsync() => new Counted(reads, await inner.AcceptAsync());
        }

        private sealed class Counted(CountedReads reads, Stream inner) : Stream
        {
            public override bool CanRead => true;

            public override bool CanSeek => false;

            public override bool CanWrite => true;

            public override long Length => throw new NotSupportedException();

            public override long Position
            {
                get => throw new NotSupportedException();
                set => throw new NotSupportedException();
            }

            public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
            {
                Interlocked.Increment(ref reads._begun);
                return inner.ReadAsync(buffer, cancellationToken);
            }

            public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

            public override ValueTask WriteAsync(
                ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
                inner.WriteAsync(buffer, cancellationToken);

            public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

            public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

            public override void Flush() => inner.Flush();

            public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

            public override void SetLength(long value) => throw new NotSupportedException();

            protected override void Dispose(bool disposing)
            {
                inner.Dispose();
                base.Dispose(disposing);
            }
        }
    }
}
