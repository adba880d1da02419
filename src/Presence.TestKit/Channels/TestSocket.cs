using Presence.Channels;
using Presence.Channels.Runtime;
using Presence.Channels.Transport;
using Presence.Channels.Wire;
using Presence.Client;

namespace Presence.TestKit;

#pragma warning disable CA1001 // It holds memory only, and the server ends open connections.
/// <summary>A client's connection.</summary>
public sealed class TestSocket
#pragma warning restore CA1001
{
    private readonly Lock _receiving = new();
    private readonly PhoenixSocket _client;
    private readonly SocketConnection _connection;

    private TestSocket(ChannelTestServer server, HandshakeResult handshake)
    {
        Server = server;
        // Tests skip hours, so the client uses no timers.
        var options = new PhoenixOptions { Heartbeat = Timeout.InfiniteTimeSpan };
        _client = new PhoenixSocket(new InProcessConnection(this), options);
        _connection = new SocketConnection(
            server.Server, handshake.Socket, handshake.Routes, handshake.Serializer, new TestTransport(this));
    }

    /// <summary>Gets the server.</summary>
    public ChannelTestServer Server { get; }

    /// <summary>Gets the application's socket.</summary>
    public PresenceSocket Socket => _connection.Socket;

    /// <summary>Gets the id of the socket, or null.</summary>
    public string? Id => Socket.Id;

    /// <summary>Gets the values that the socket assigned for its channels.</summary>
    public IDictionary<string, object?> Assigns => Socket.Assigns;

    /// <summary>Gets the close code of the server; null if it has not closed the connection.</summary>
    public int? CloseCode { get; private set; }

    /// <summary>Gets whether the connection is open.</summary>
    public bool IsOpen => !_client.Closed.IsCompleted;

    /// <summary>
    /// Subscribes to the broadcasts of a topic (see <see cref="TestChannel.AssertBroadcastAsync(string, object?)"/>)
    /// and joins it.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="parameters">The client's join parameters: see <see cref="TestChannel.Push"/>.</param>
    /// <exception cref="ChannelTestException">The join was rejected or failed.</exception>
    public async Task<TestChannel> SubscribeAndJoinAsync(string topic, object? parameters = null)
    {
        var (channel, reply) = await JoinAsync(topic, parameters).ConfigureAwait(false);
        return reply.IsOk
            ? channel
            : throw new ChannelTestException($"The join of {topic} was answered {reply}.{Server.LogText()}");
    }

    /// <summary>Joins a topic and returns the reply, also a rejection.</summary>
    /// <returns>The channel and the reply.</returns>
    public async Task<(TestChannel Channel, TestReply Reply)> JoinAsync(string topic, object? parameters = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        var channel = new TestChannel(this, topic);
        var reply = await channel.JoinAsync(parameters).ConfigureAwait(false)
            ?? throw new ChannelTestException($"The join of {topic} was not answered.{Server.LogText()}");
        channel.Joined(reply.IsOk ? _connection.Find(topic)?.Channel : null);
        return (channel, reply);
    }

    /// <summary>Asserts that the server closes, or has closed, the connection.</summary>
    /// <param name="code">The close code: see the README of Presence.Channels.</param>
    public async Task AssertClosedAsync(int code)
    {
        var closed = await Server.FindAsync(() => CloseCode is { } c ? (object)c : null).ConfigureAwait(false);
        if (closed is not int actual || actual != code)
        {
            throw new ChannelTestException(
                $"Expected the connection to be closed with {code}; it was {closed ?? "not closed"}.");
        }
    }

    /// <summary>Breaks the connection as a network failure does, and waits until its channels have ended.</summary>
    public async Task DropAsync()
    {
        _client.Abort();
        await Server.SettleAsync().ConfigureAwait(false);
    }

    internal static TestSocket Open(ChannelTestServer server, HandshakeResult handshake)
    {
        var socket = new TestSocket(server, handshake);
        if (!server.Server.Sockets.TryAdd(socket._connection))
        {
            throw new ChannelTestException("The node accepts no more sockets.");
        }

        socket._connection.Open();
        return socket;
    }

    internal PhoenixChannel Channel(string topic, Action<PhoenixMessage> received) => IsOpen
        ? new PhoenixChannel(_client, topic) { Received = received }
        : throw new ChannelTestException("The connection is closed.");

    private void Receive(OutFrame frame)
    {
        byte[] bytes = [.. frame.Head.Span, .. frame.Body.Span];
        // Channels send on different threads.
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

        // The client answers a close at once, which ends the connection, on another thread.
        Server.Server.Activity!.Began();
        _ = Server.Server.Activity.WatchAsync(Task.Run(_client.Abort));
    }

    private void End()
    {
        _connection.End();
        Server.Server.Sockets.Remove(_connection);
        Server.SignalArrival();
    }

    /// <summary>The client's side.</summary>
    private sealed class InProcessConnection(TestSocket socket) : IPhoenixConnection
    {
        private int _hasEnded;

        public Task SendAsync(PhoenixFrame frame) =>
            socket._connection.ReceiveAsync(frame.Bytes, frame.IsBinary).AsTask();

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
    }

    /// <summary>The server's side.</summary>
    private sealed class TestTransport(TestSocket socket) : SocketTransport
    {
        /// <summary>Gets an infinite timeout: a test that skips hours sends no heartbeats.</summary>
        public override TimeSpan IdleTimeout => Timeout.InfiniteTimeSpan;

        public override void Send(OutFrame frame) => socket.Receive(frame);

        public override void Close(int code) => socket.Closed(code);

        // True, so that the sweep does not check how long the client has been silent.
        public override bool CutOffIfStuck(long now) => true;
    }
}
