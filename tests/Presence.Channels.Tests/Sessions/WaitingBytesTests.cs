using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Presence.Channels.Runtime;
using Presence.Channels.Transport;
using Presence.Channels.Transport.LongPoll;
using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Sessions;

/// <summary>The bound on what waits for all clients of a node together.</summary>
public sealed class WaitingBytesTests : IDisposable
{
    private readonly Harness _harness = new(l => (l.MaxFrameBytes, l.MaxWaitingBytes) = (10_000, 100_000));

    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task Largest_consumer_is_cut_off_first_and_the_others_stay()
    {
        var clients = Enumerable.Range(0, 3).Select(_ => Deaf()).ToArray();
        for (var i = 0; i < 2; i++)
        {
            clients[0].Transport.Send(Frame(10_000));
            clients[2].Transport.Send(Frame(10_000));
        }

        for (var i = 0; i < 6; i++)
        {
            clients[1].Transport.Send(Frame(10_000));
        }

        Assert.Equal([true, false, true], clients.Select(c => c.Transport.WaitingBytes > 0));
        Assert.Equal(1, _harness.Counted("presence.sockets.closed:memory"));
        Assert.InRange(_harness.Server.Waiting.Total, 40_000, 42_000);
    }

    [Fact]
    public async Task Long_poll_and_sockets_share_the_bound()
    {
        var ended = new TaskCompletionSource();
        SocketConnection connection = null!;
        var poll = new LongPollTransport(_harness.Server, ended.SetResult);
        connection = new SocketConnection(
            _harness.Server, new OpenSocket(null), _harness.Routes, FrameSerializers.V2, poll);
        Assert.True(_harness.Server.Sockets.TryAdd(connection));
        var socket = Deaf();
        socket.Transport.Send(Frame(10_000));
        for (var i = 0; i < 9; i++)
        {
            poll.Send(Frame(10_000));
        }

        await ended.Task.WaitAsync(TestClient.Timeout);
        Assert.Equal(10_000, socket.Transport.WaitingBytes);
    }

    [Fact]
    public void Largest_consumers_are_cut_off_while_the_memory_of_the_process_is_short()
    {
        var clients = Enumerable.Range(0, 3).Select(_ => Deaf()).ToArray();
        for (var i = 0; i < 3; i++)
        {
            clients[1].Transport.Send(Frame(10_000));
        }

        clients[0].Transport.Send(Frame(10_000));
        var (use, total) = (0.74, _harness.Server.Waiting.Total);
        _harness.Server.Waiting.MemoryUse = () => use;
        _harness.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(total, _harness.Server.Waiting.Total);
        use = 0.76;
        _harness.Time.Advance(TimeSpan.FromSeconds(1.25));
        Assert.Equal([true, false, false], clients.Select(c => c.Transport.WaitingBytes > 0));
        Assert.Equal(1, _harness.Counted("presence.sockets.closed:memory"));
    }

    [Fact]
    public async Task Request_that_is_cut_off_after_its_end_is_not_aborted()
    {
        var lifetime = new CountedLifetime();
        var http = new DefaultHttpContext();
        http.Features.Set<IHttpRequestLifetimeFeature>(lifetime);
        var ended = _harness.Server.Sockets.Hold(http);
        ended.Dispose();
        ended.CutOff();
        using var request = _harness.Server.Sockets.Hold(http);
        request.CutOff();
        await TestTimeouts.UntilAsync("the open request is aborted", TestClient.Timeout, () => lifetime.Aborts > 0);
        Assert.Equal(1, lifetime.Aborts);
    }

    [Theory]
    [InlineData(0, 100_000)]
    [InlineData(6_000_000, 100_000)]
    [InlineData(300_000, 50_000)]
    [InlineData(6_000, 10_000)]
    public void Limit_is_at_most_a_sixth_of_the_memory(long memory, long expected) => Assert.Equal(
        expected,
        WaitingBytes.LimitOf(new ChannelLimits { MaxFrameBytes = 10_000, MaxWaitingBytes = 100_000 }, memory));

    [Fact]
    public void Frame_that_many_clients_share_counts_once()
    {
        var clients = Enumerable.Range(0, 50).Select(_ => Deaf()).ToArray();
        var (frame, payload) = (Frame(10_000), new SharedPayload(new byte[10_000]));
        foreach (var client in clients)
        {
            client.Transport.Send(frame);
            client.Transport.Send(FrameSerializers.V2.PushShared("1", "t", "presence_state", payload));
        }

        Assert.InRange(_harness.Server.Waiting.Total, 20_000, 35_000);
        foreach (var client in clients)
        {
            client.Transport.CutOff("test");
        }

        Assert.Equal(0, _harness.Server.Waiting.Total);
    }

    [Fact]
    public async Task Sent_frames_count_no_more()
    {
        var socket = new GatedSocket();
        var transport = new WebSocketTransport(_harness.Server, socket, null);
        transport.Send(Frame(1000));
        transport.Send(Frame(1000));
        await TestTimeouts.UntilAsync("the first is being sent", TestClient.Timeout, () => socket.Sends == 1);
        Assert.Equal(2000, transport.WaitingBytes);
        socket.Gate.SetResult();
        await TestTimeouts.UntilAsync("nothing waits", TestClient.Timeout, () => _harness.Server.Waiting.Total == 0);
    }

    [Fact]
    public async Task Pushes_that_a_channel_does_not_handle_count_until_it_is_abandoned()
    {
        var client = _harness.Connect();
        await client.JoinAsync("echo");
        await client.SendAsync("""["1","2","echo","hang",{}]""");
        Assert.Equal("hanging", await _harness.Log.NextAsync());
        await client.SendAsync($$"""["1","3","echo","echo",{"x":"{{new string('x', 9000)}}"}]""");
        Assert.InRange(_harness.Server.Waiting.Total, 9000, 10_000);
        client.Session.End();
        _harness.Time.Advance(TimeSpan.FromSeconds(6));
        await TestTimeouts.UntilAsync("nothing waits", TestClient.Timeout, () => _harness.Server.Waiting.Total == 0);
    }

    [Fact]
    public async Task Channel_that_crashes_leaves_nothing_behind()
    {
        var client = _harness.Connect();
        await client.JoinAsync("echo");
        await client.ExpectAsync(
            """["1","2","echo","crash",{}]""", """["1","1","echo","phx_error",{"reason":"channel_crash"}]""");
        await TestTimeouts.UntilAsync("nothing waits", TestClient.Timeout, () => _harness.Server.Waiting.Total == 0);
    }

    /// <summary>Opens a connection whose client never reads.</summary>
    private (SocketConnection Connection, WebSocketTransport Transport) Deaf()
    {
        var transport = new WebSocketTransport(_harness.Server, new GatedSocket(), null);
        var connection = new SocketConnection(
            _harness.Server, new OpenSocket(null), _harness.Routes, FrameSerializers.V2, transport);
        Assert.True(_harness.Server.Sockets.TryAdd(connection));
        return (connection, transport);
    }

    private static OutFrame Frame(int length) => new(new byte[length], default, binary: false);

    private sealed class CountedLifetime : IHttpRequestLifetimeFeature
    {
        private int _aborts;

        public int Aborts => Volatile.Read(ref _aborts);
        public CancellationToken RequestAborted { get; set; }

        public void Abort() => Interlocked.Increment(ref _aborts);
    }

    private sealed class GatedSocket : StubWebSocket
    {
        public TaskCompletionSource Gate { get; } = new();
        public int Sends { get; private set; }

        public override async ValueTask SendAsync(
            ReadOnlyMemory<byte> buffer, WebSocketMessageType messageType, bool endOfMessage,
            CancellationToken cancellationToken)
        {
            Sends++;
            await Gate.Task;
        }
    }
}
