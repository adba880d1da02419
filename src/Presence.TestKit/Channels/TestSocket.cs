using Presence.Channels;
using Presence.Client;

namespace Presence.TestKit;

#pragma warning disable CA1001 // Nothing is held but memory, and the server ends the connections that a test leaves open.
/// <summary>A client's connection.</summary>
public sealed class TestSocket
#pragma warning restore CA1001
{
    private readonly Lock _receiving = new();
    private readonly PhoenixSocket _client;
    private readonly SocketSession _session;

    private TestSocket(ChannelTestServer server, Admission admission)
    {
        Server = server;
        // Hours pass at once in a test: nothing here goes by the clock.
        _client = new PhoenixSocket(new InProcessConnection(this), new PhoenixOptions { Heartbeat = Timeout.InfiniteTimeSpan });
        _session = new SocketSession(
            server.Server, admission.Socket, admission.Routes, admission.Serializer, new TestTransport(this));
    }

    /// <summary>Where it is connected.</summary>
    public ChannelTestServer Server { get; }

    /// <summary>The application's socket.</summary>
    public PresenceSocket Socket => _session.Socket;

    /// <summary>What the socket calls itself, or null.</summary>
    public string? Id => Socket.Id;

    /// <summary>The values that the socket leaves for its channels.</summary>
    public IDictionary<string, object?> Assigns => Socket.Assigns;

    /// <summary>The code with which the server closed it; null while it is open, and if the client dropped it.</summary>
    public int? CloseCode { get; private set; }

    /// <summary>Whether it is still there.</summary>
    public bool IsOpen => !_client.Closed.IsCompleted;

    /// <summary>
    /// Hears the broadcasts of a topic (for <see cref="TestChannel.AssertBroadcastAsync(string, object?)"/>) and joins it.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="parameters">The client's join parameters: see <see cref="TestChannel.Push"/>.</param>
    /// <exception cref="ChannelTestException">The join was refused or crashed; the message has the answer and the log.</exception>
    public async Task<TestChannel> SubscribeAndJoinAsync(string topic, object? parameters = null)
    {
        var (channel, reply) = await JoinAsync(topic, parameters).ConfigureAwait(false);
        return reply.IsOk ? channel : throw new ChannelTestException($"The join of {topic} was answered {reply}.{Server.LogText()}");
    }

    /// <summary>The same where the test is about the answer.</summary>
    /// <returns>The channel and the answer, whatever it says.</returns>
    public async Task<(TestChannel Channel, TestReply Reply)> JoinAsync(string topic, object? parameters = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        var channel = new TestChannel(this, topic);
        var reply = await channel.JoinAsync(parameters).ConfigureAwait(false)
            ?? throw new ChannelTestException($"The join of {topic} was not answered.{Server.LogText()}");
        channel.Joined(reply.IsOk ? _session.Find(topic)?.Channel : null);
        return (channel, reply);
    }

    /// <summary>Asserts that the server closes, or has closed, the connection.</summary>
    /// <param name="code">The close code: see the README of Presence.Channels.</param>
    public async Task AssertClosedAsync(int code)
    {
        var closed = await Server.FindAsync(() => CloseCode is { } c ? (object)c : null).ConfigureAwait(false);
        if (closed is not int actual || actual != code)
        {
            throw new ChannelTestException($"Expected the connection to be closed with {code}; it was {closed ?? "not closed"}.");
        }
    }

    /// <summary>Breaks the connection as a failing network does, and waits until its channels have ended.</summary>
    public async Task DropAsync()
    {
        _client.Abort();
        await Server.SettleAsync().ConfigureAwait(false);
    }

    internal static TestSocket Open(ChannelTestServer server, Admission admission)
    {
        var socket = new TestSocket(server, admission);
        if (!server.Server.Sockets.TryAdd(socket._session))
        {
            throw new ChannelTestException("The member takes no more sockets.");
        }

        socket._session.Open();
        return socket;
    }

    internal PhoenixChannel Channel(string topic, Action<PhoenixMessage> received) => IsOpen
        ? new PhoenixChannel(_client, topic) { Received = received }
        : throw new ChannelTestException("The connection is closed.");

    private void Receive(OutFrame frame)
    {
        byte[] bytes = [.. frame.Head.Span, .. frame.Body.Span];
        // Channels send on threads of their own.
        lock (_receiving)
        {
            if (IsOpen)
            {
                _client.Receive(new(bytes, frame.IsBinary));
            }
        }

        Server.SignalArrival();
    }

    private void Closed(int code)
    {
        CloseCode ??= code;

        // A client answers a close at once, and then the connection ends. Not on the thread that closes it.
        Server.Server.Activity!.Began();
        _ = Server.Server.Activity.WatchAsync(Task.Run(_client.Abort));
    }

    private void End()
    {
        _session.End();
        Server.Server.Sockets.Remove(_session);
        Server.SignalArrival();
    }

    /// <summary>The client's end.</summary>
    private sealed class InProcessConnection(TestSocket socket) : IPhoenixConnection
    {
        private int _hasEnded;

        public Task SendAsync(PhoenixFrame frame) => socket._session.ReceiveAsync(frame.Bytes, frame.IsBinary).AsTask();

        public Task CloseAsync()
        {
            Abort();
            return Task.CompletedTask;
        }

        public void Abort()
        {
            if (Interlocked.Exchange(ref _hasEnded, 1) == 0)
            {
                socket._client.End("dropped");
                socket.End();
            }
        }

        public void Dispose() => Abort();
    }

    /// <summary>The server's end.</summary>
    private sealed class TestTransport(TestSocket socket) : SocketTransport
    {
        /// <summary>A client that is there answers for itself: a test that lets hours pass does not send heartbeats.</summary>
        public override TimeSpan IdleTimeout => Timeout.InfiniteTimeSpan;

        public override void Send(OutFrame frame) => socket.Receive(frame);

        public override void Close(int code) => socket.Closed(code);

        // True, so that the sweep does not look at how long the client has been silent.
        public override bool CutOffIfStuck(long now) => true;
    }
}
