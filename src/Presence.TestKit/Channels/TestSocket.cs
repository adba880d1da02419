using System.Globalization;
using Presence.Channels;

namespace Presence.TestKit;

/// <summary>A client's connection.</summary>
public sealed class TestSocket
{
    private readonly Lock _gate = new();
    private readonly List<TestChannel> _channels = [];
    private readonly Dictionary<string, TestReply> _replies = new(StringComparer.Ordinal);
    private readonly SocketSession _session;
    private int _lastRef;
    private bool _isGone;

    private TestSocket(ChannelTestServer server, Admission admission)
    {
        Server = server;
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
    public bool IsOpen
    {
        get
        {
            lock (_gate)
            {
                return !_isGone;
            }
        }
    }

    /// <summary>
    /// Hears the broadcasts of a topic (for <see cref="TestChannel.AssertBroadcastAsync(string, object?)"/>) and joins it.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="parameters">The client's join parameters: see <see cref="TestChannel.Push"/>.</param>
    /// <exception cref="ChannelTestException">The join was refused or crashed; the message has the answer and the log.</exception>
    public async Task<TestChannel> SubscribeAndJoinAsync(string topic, object? parameters = null)
    {
        var join = await JoinAsync(topic, parameters).ConfigureAwait(false);
        return join.Reply.IsOk
            ? join.Channel
            : throw new ChannelTestException($"The join of {topic} was answered {join.Reply}.{Server.LogText()}");
    }

    /// <summary>The same where the test is about the answer.</summary>
    /// <returns>The channel and the answer, whatever it says.</returns>
    public async Task<TestJoin> JoinAsync(string topic, object? parameters = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        var reference = NextRef();
        var channel = new TestChannel(this, topic, reference);
        lock (_gate)
        {
            _channels.Add(channel);
        }

        var payload = TestMessage.From(parameters);
        await SendAsync(reference, reference, topic, "phx_join", payload).ConfigureAwait(false);
        var reply = await Server.FindAsync(() => TakeReply(reference)).ConfigureAwait(false)
            ?? throw new ChannelTestException($"The join of {topic} was not answered.{Server.LogText()}");
        channel.Joined(reply.IsOk ? _session.Find(topic)?.Channel : null);
        return new TestJoin(channel, reply);
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
        End();
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

    internal string NextRef() => Interlocked.Increment(ref _lastRef).ToString(CultureInfo.InvariantCulture);

    internal ValueTask SendAsync(string? joinRef, string? reference, string topic, string name, ChannelPayload payload) => IsOpen
        ? _session.ReceiveAsync(ClientFrames.Encode(joinRef, reference, topic, name, payload), payload.IsBinary)
        : throw new ChannelTestException("The connection is closed.");

    internal TestReply? TakeReply(string reference)
    {
        lock (_gate)
        {
            return _replies.Remove(reference, out var reply) ? reply : null;
        }
    }

    private void Take(in ClientFrame frame)
    {
        lock (_gate)
        {
            if (_isGone)
            {
                return;
            }

            if (frame.Event == ClientFrame.ReplyEvent)
            {
                _replies[frame.Ref ?? ""] = new TestReply(frame.Status!, frame.Payload);
            }
            else
            {
                foreach (var channel in _channels)
                {
                    channel.Take(frame);
                }
            }
        }

        Server.SignalArrival();
    }

    private void Closed(int code)
    {
        CloseCode ??= code;

        // A client answers a close at once, and then the connection ends. Not on the thread that closes it.
        Server.Server.Activity!.Began();
        _ = Server.Server.Activity.WatchAsync(Task.Run(End));
    }

    private void End()
    {
        lock (_gate)
        {
            if (_isGone)
            {
                return;
            }

            _isGone = true;
            foreach (var channel in _channels)
            {
                channel.Cut();
            }
        }

        _session.End();
        Server.Server.Sockets.Remove(_session);
        Server.SignalArrival();
    }

    private sealed class TestTransport(TestSocket socket) : SocketTransport
    {
        /// <summary>A client that is there answers for itself: a test that lets hours pass does not send heartbeats.</summary>
        public override TimeSpan IdleTimeout => Timeout.InfiniteTimeSpan;

        public override void Send(OutFrame frame) => socket.Take(ClientFrames.Decode(frame));

        public override void Close(int code) => socket.Closed(code);

        // True, so that the sweep does not look at how long the client has been silent.
        public override bool CutOffIfStuck(long now) => true;
    }
}

/// <summary>A join and its answer.</summary>
/// <param name="Channel">The client's channel.</param>
/// <param name="Reply">The answer.</param>
public sealed record TestJoin(TestChannel Channel, TestReply Reply);
