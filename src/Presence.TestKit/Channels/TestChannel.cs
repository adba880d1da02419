using Presence.Channels;
using Presence.Client;
using Presence.Node;

namespace Presence.TestKit;

/// <summary>A client's channel: pushes, and assertions about what comes back.</summary>
/// <remarks>
/// An assertion first lets everything come to rest (<see cref="ChannelTestServer.SettleAsync"/>), so what it refutes will not
/// come later unless the clock is moved. What an assertion has found is taken away, in the order in which it came.
/// </remarks>
public sealed class TestChannel
{
    private readonly Lock _gate = new();
    private readonly List<TestMessage> _received = [];
    private readonly List<TestMessage> _broadcasts = [];
    private readonly PhoenixChannel _channel;
    private readonly IDisposable _subscription;
    private Channel? _instance;
    private bool? _isAccepted;

    internal TestChannel(TestSocket socket, string topic)
    {
        Socket = socket;
        Topic = topic;
        _channel = socket.Channel(topic, Receive);
        _subscription = socket.Server.Node.PubSub.Subscribe(topic, Hear);
    }

    /// <summary>The connection.</summary>
    public TestSocket Socket { get; }

    /// <summary>The topic.</summary>
    public string Topic { get; }

    /// <summary>How it is for the client.</summary>
    public TestChannelState State => this switch
    {
        { _channel.Ended: { IsCompleted: true, Result: "phx_close" } } => TestChannelState.Closed,
        { _channel.Ended.IsCompleted: true } => TestChannelState.Errored,
        { _isAccepted: false } => TestChannelState.Refused,
        { Socket.IsOpen: false } => TestChannelState.Errored,
        { _isAccepted: true } => TestChannelState.Joined,
        _ => TestChannelState.Joining,
    };

    /// <summary>What the client got on this topic, answers aside, and no assertion has taken yet; oldest first.</summary>
    public IReadOnlyList<TestMessage> Received
    {
        get
        {
            lock (_gate)
            {
                return [.. _received];
            }
        }
    }

    /// <summary>The application's channel that serves this join: its state, for a look from outside.</summary>
    /// <exception cref="ChannelTestException">The join was refused, or the channel is of another type.</exception>
    public TChannel As<TChannel>()
        where TChannel : Channel => _instance as TChannel
        ?? throw new ChannelTestException(
            $"{Topic} is served by {_instance?.GetType().Name ?? "no channel"}, not by {typeof(TChannel).Name}.");

    /// <summary>Sends to the channel.</summary>
    /// <param name="name">The event.</param>
    /// <param name="payload">
    /// A value that is written as JSON, a <see cref="ChannelPayload"/> that is sent as it is, bytes for a binary frame, or
    /// null for an empty object.
    /// </param>
    public TestPush Push(string name, object? payload = null)
    {
        if (!Socket.IsOpen)
        {
            throw new ChannelTestException("The connection is closed.");
        }

        var push = _channel.Push(name, TestMessage.ToWire(payload));
        // Only a join is waited for; anything else has been put into the channel's mailbox.
        push.Sent.GetAwaiter().GetResult();
        return new TestPush(this, name, push.Reply);
    }

    /// <summary>Leaves, and asserts that the server agrees and closes the channel.</summary>
    public async Task LeaveAsync()
    {
        await Push("phx_leave").AssertReplyAsync("ok").ConfigureAwait(false);
        await AssertClosedAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// Sends to the topic from the test: every client hears it, this one included, and
    /// <see cref="AssertBroadcastAsync(string, object?)"/> of this channel does not.
    /// </summary>
    public void BroadcastFrom(string name, object? payload = null) =>
        Socket.Server.Server.Broadcaster.Broadcast(Topic, name, TestMessage.From(payload), this);

    /// <summary>Asserts that the client gets a message: a push, a broadcast or a presence.</summary>
    /// <param name="name">The event.</param>
    /// <param name="payload">What it says exactly; null for anything.</param>
    public Task<TestMessage> AssertPushAsync(string name, object? payload = null) =>
        AssertAsync(_received, name, payload, "to be pushed");

    /// <summary>Asserts that the client has not got a message.</summary>
    /// <param name="name">The event; null for any message at all.</param>
    /// <param name="payload">What it would say exactly; null for anything.</param>
    public Task RefutePushAsync(string? name = null, object? payload = null) => RefuteAsync(_received, name, payload);

    /// <summary>Asserts that somebody broadcasts on the topic, whatever channels make of it on its way to clients.</summary>
    /// <param name="name">The event.</param>
    /// <param name="payload">What it says exactly; null for anything.</param>
    public Task<TestMessage> AssertBroadcastAsync(string name, object? payload = null) =>
        AssertAsync(_broadcasts, name, payload, "to be broadcast");

    /// <summary>Asserts that nobody has broadcast on the topic.</summary>
    /// <param name="name">The event; null for any message at all.</param>
    /// <param name="payload">What it would say exactly; null for anything.</param>
    public Task RefuteBroadcastAsync(string? name = null, object? payload = null) => RefuteAsync(_broadcasts, name, payload);

    /// <summary>Asserts that the channel crashes: the client is told to join again.</summary>
    /// <returns>What the channel threw.</returns>
    public async Task<Exception?> AssertCrashedAsync()
    {
        await AssertStateAsync(TestChannelState.Errored).ConfigureAwait(false);
        return Socket.Server.Log.LastOrDefault(entry => entry.Exception is not null)?.Exception;
    }

    /// <summary>Asserts that the channel ends normally: the client does not join again.</summary>
    public Task AssertClosedAsync() => AssertStateAsync(TestChannelState.Closed);

    /// <returns>The answer; null if there is none.</returns>
    internal async Task<TestReply?> JoinAsync(object? parameters)
    {
        var join = _channel.Join(TestMessage.ToWire(parameters));
        await join.Sent.ConfigureAwait(false);
        return await Socket.Server.FindAsync(() => TestReply.Of(join.Reply)).ConfigureAwait(false);
    }

    internal void Joined(Channel? instance)
    {
        _instance = instance;
        _isAccepted = instance is not null;
        if (instance is null)
        {
            _subscription.Dispose();
        }
    }

    private void Receive(PhoenixMessage message)
    {
        if (State <= TestChannelState.Joined)
        {
            lock (_gate)
            {
                _received.Add(new TestMessage(Topic, message.Event, TestMessage.FromWire(message.Payload, message.Data)));
            }
        }
    }

    private void Hear(PubSubMessage message)
    {
        if (ReferenceEquals(message.Sender, this))
        {
            return;
        }

        var payload = message.IsBinary ? ChannelPayload.Binary(message.Body) : ChannelPayload.Json(message.Body);
        lock (_gate)
        {
            _broadcasts.Add(new TestMessage(message.Topic, message.Event, payload));
        }

        Socket.Server.SignalArrival();
    }

    private async Task<TestMessage> AssertAsync(List<TestMessage> from, string name, object? payload, string what)
    {
        ChannelPayload? expected = payload is null ? null : TestMessage.From(payload);
        return await Socket.Server.FindAsync(() => Take(from, name, expected)).ConfigureAwait(false)
            ?? throw new ChannelTestException(
                $"Expected {name} {expected?.ToString() ?? "with anything"} {what} on {Topic}; there was{Listed(from)}{Socket.Server.LogText()}");
    }

    private async Task RefuteAsync(List<TestMessage> from, string? name, object? payload)
    {
        await Socket.Server.SettleAsync().ConfigureAwait(false);
        ChannelPayload? unwanted = payload is null ? null : TestMessage.From(payload);
        lock (_gate)
        {
            if (from.Find(message => name is null || message.Is(name, unwanted)) is { } found)
            {
                throw new ChannelTestException($"Expected not to see {found} on {Topic}; there was{TestMessage.Listed(from)}");
            }
        }
    }

    private TestMessage? Take(List<TestMessage> from, string name, ChannelPayload? expected)
    {
        lock (_gate)
        {
            var at = from.FindIndex(message => message.Is(name, expected));
            if (at < 0)
            {
                return null;
            }

            var message = from[at];
            from.RemoveAt(at);
            return message;
        }
    }

    private string Listed(List<TestMessage> messages)
    {
        lock (_gate)
        {
            return TestMessage.Listed(messages);
        }
    }

    private async Task AssertStateAsync(TestChannelState expected)
    {
        _ = await Socket.Server.FindAsync(() => State == expected ? this : null).ConfigureAwait(false)
            ?? throw new ChannelTestException($"Expected {Topic} to be {expected}; it is {State}.{Socket.Server.LogText()}");
    }
}

/// <summary>How a channel is for its client.</summary>
public enum TestChannelState
{
    /// <summary>The join has not been answered.</summary>
    Joining,

    /// <summary>The client is in.</summary>
    Joined,

    /// <summary>The join was refused, or crashed.</summary>
    Refused,

    /// <summary>The channel ended normally (<c>phx_close</c>).</summary>
    Closed,

    /// <summary>The channel crashed (<c>phx_error</c>), or the connection broke; stock clients join again.</summary>
    Errored,
}

/// <summary>A push, for its answer.</summary>
public sealed class TestPush
{
    private readonly ChannelTestServer _server;
    private readonly string _name;
    private Task<PhoenixReply>? _reply;

    internal TestPush(TestChannel channel, string name, Task<PhoenixReply> reply) =>
        (_server, _name, _reply) = (channel.Socket.Server, name, reply);

    /// <summary>Asserts that the push is answered.</summary>
    /// <param name="status"><c>ok</c>, <c>error</c> or a word of the channel's own.</param>
    /// <param name="response">What the answer says exactly; null for anything.</param>
    public async Task<ChannelPayload> AssertReplyAsync(string status, object? response = null)
    {
        ChannelPayload? expected = response is null ? null : TestMessage.From(response);
        var reply = await _server.FindAsync(TakeReply).ConfigureAwait(false);
        return reply is not null && reply.Status == status && (expected is not { } e || TestMessage.Same(e, reply.Response))
            ? reply.Response
            : throw new ChannelTestException(
                $"Expected {_name} to be answered {status} {expected?.ToString() ?? "with anything"}; "
                + $"it was {(reply is null ? "not answered" : $"answered {reply}")}.{_server.LogText()}");
    }

    /// <summary>Asserts that the push has not been answered.</summary>
    public async Task RefuteReplyAsync()
    {
        await _server.SettleAsync().ConfigureAwait(false);
        if (TakeReply() is { } reply)
        {
            throw new ChannelTestException($"Expected {_name} not to be answered; it was answered {reply}.");
        }
    }

    private TestReply? TakeReply()
    {
        var reply = TestReply.Of(_reply);
        _reply = reply is null ? _reply : null;
        return reply;
    }
}
