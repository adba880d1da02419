using Presence.Channels;
using Presence.Client;
using Presence.Node;

namespace Presence.TestKit;

/// <summary>A client's channel: pushes, and assertions about received messages.</summary>
/// <remarks>
/// An assertion first waits until the server is idle (<see cref="ChannelTestServer.SettleAsync"/>), so a refuted
/// message cannot arrive later unless the clock is moved. Assertions remove the messages they find, oldest first.
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
        _subscription = socket.Server.Node.PubSub.Subscribe(topic, OnBroadcast);
    }

    /// <summary>Gets the connection.</summary>
    public TestSocket Socket { get; }

    /// <summary>Gets the topic.</summary>
    public string Topic { get; }

    /// <summary>Gets the state as seen by the client.</summary>
    public TestChannelState State => this switch
    {
        { _channel.Ended: { IsCompleted: true, Result: "phx_close" } } => TestChannelState.Closed,
        { _channel.Ended.IsCompleted: true } => TestChannelState.Errored,
        { _isAccepted: false } => TestChannelState.Rejected,
        { Socket.IsOpen: false } => TestChannelState.Errored,
        { _isAccepted: true } => TestChannelState.Joined,
        _ => TestChannelState.Joining,
    };

    /// <summary>Gets received messages that no assertion has removed, without replies; oldest first.</summary>
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

    /// <summary>Returns the application's channel instance that serves this join.</summary>
    /// <exception cref="ChannelTestException">The join was rejected, or the channel is of another type.</exception>
    public TChannel As<TChannel>()
        where TChannel : Channel => _instance as TChannel
        ?? throw new ChannelTestException(
            $"{Topic} is served by {_instance?.GetType().Name ?? "no channel"}, not by {typeof(TChannel).Name}.");

    /// <summary>Sends to the channel.</summary>
    /// <param name="name">The event.</param>
    /// <param name="payload">
    /// A value to serialize as JSON, a <see cref="ChannelPayload"/>, bytes for a binary frame, or null for an empty
    /// object.
    /// </param>
    public TestPush Push(string name, object? payload = null)
    {
        if (!Socket.IsOpen)
        {
            throw new ChannelTestException("The connection is closed.");
        }

        var push = _channel.Push(name, TestMessage.ToWire(payload));
        // Only a join completes asynchronously; other messages are in the channel's mailbox already.
        push.Sent.GetAwaiter().GetResult();
        return new TestPush(this, name, push.Reply);
    }

    /// <summary>Leaves, and asserts that the server confirms and closes the channel.</summary>
    public async Task LeaveAsync()
    {
        await Push("phx_leave").AssertReplyAsync("ok").ConfigureAwait(false);
        await AssertClosedAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// Broadcasts to the topic. All clients get the message, this one included;
    /// <see cref="AssertBroadcastAsync(string, object?)"/> of this channel ignores it.
    /// </summary>
    public void BroadcastFrom(string name, object? payload = null) =>
        Socket.Server.Server.Broadcaster.Broadcast(Topic, name, TestMessage.From(payload), this);

    /// <summary>Asserts that the client receives a push, a broadcast or a presence message.</summary>
    /// <param name="name">The event.</param>
    /// <param name="payload">The exact payload; null for any.</param>
    public Task<TestMessage> AssertPushAsync(string name, object? payload = null) =>
        AssertAsync(_received, name, payload, "to be pushed");

    /// <summary>Asserts that the client has not received a message.</summary>
    /// <param name="name">The event; null for any.</param>
    /// <param name="payload">The exact payload; null for any.</param>
    public Task RefutePushAsync(string? name = null, object? payload = null) => RefuteAsync(_received, name, payload);

    /// <summary>Asserts that a message was broadcast on the topic, before channels intercept it.</summary>
    /// <param name="name">The event.</param>
    /// <param name="payload">The exact payload; null for any.</param>
    public Task<TestMessage> AssertBroadcastAsync(string name, object? payload = null) =>
        AssertAsync(_broadcasts, name, payload, "to be broadcast");

    /// <summary>Asserts that a message was not broadcast on the topic.</summary>
    /// <param name="name">The event; null for any.</param>
    /// <param name="payload">The exact payload; null for any.</param>
    public Task RefuteBroadcastAsync(string? name = null, object? payload = null) =>
        RefuteAsync(_broadcasts, name, payload);

    /// <summary>Asserts that the channel fails, so that the client joins again.</summary>
    /// <returns>The last logged exception.</returns>
    public async Task<Exception?> AssertFailedAsync()
    {
        await AssertStateAsync(TestChannelState.Errored).ConfigureAwait(false);
        return Socket.Server.Log.LastOrDefault(entry => entry.Exception is not null)?.Exception;
    }

    /// <summary>Asserts that the channel ends normally, so that the client does not join again.</summary>
    public Task AssertClosedAsync() => AssertStateAsync(TestChannelState.Closed);

    /// <returns>The reply; null if there is none.</returns>
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
                var payload = TestMessage.FromWire(message.Payload, message.Data);
                _received.Add(new TestMessage(Topic, message.Event, payload));
            }
        }
    }

    private void OnBroadcast(PubSubMessage message)
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
        return await Socket.Server.FindAsync(() => Remove(from, name, expected)).ConfigureAwait(false)
            ?? throw new ChannelTestException(
                $"Expected {name} {expected?.ToString() ?? "with any payload"} {what} on {Topic}; "
                + $"there was{Listed(from)}{Socket.Server.LogText()}");
    }

    private async Task RefuteAsync(List<TestMessage> from, string? name, object? payload)
    {
        await Socket.Server.SettleAsync().ConfigureAwait(false);
        ChannelPayload? refuted = payload is null ? null : TestMessage.From(payload);
        lock (_gate)
        {
            if (from.Find(message => name is null || message.Is(name, refuted)) is { } found)
            {
                throw new ChannelTestException(
                    $"Expected not to see {found} on {Topic}; there was{TestMessage.Listed(from)}");
            }
        }
    }

    private TestMessage? Remove(List<TestMessage> from, string name, ChannelPayload? expected)
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
            ?? throw new ChannelTestException(
                $"Expected {Topic} to be {expected}; it is {State}.{Socket.Server.LogText()}");
    }
}

/// <summary>The state of a channel as seen by its client.</summary>
public enum TestChannelState
{
    /// <summary>The join has not been answered.</summary>
    Joining,

    /// <summary>The client has joined.</summary>
    Joined,

    /// <summary>The join was rejected or failed.</summary>
    Rejected,

    /// <summary>The channel ended normally (<c>phx_close</c>).</summary>
    Closed,

    /// <summary>The channel failed (<c>phx_error</c>) or the connection broke; clients join again.</summary>
    Errored,
}

/// <summary>A sent push, for assertions about its reply.</summary>
public sealed class TestPush
{
    private readonly ChannelTestServer _server;
    private readonly string _name;
    private Task<PhoenixReply>? _reply;

    internal TestPush(TestChannel channel, string name, Task<PhoenixReply> reply) =>
        (_server, _name, _reply) = (channel.Socket.Server, name, reply);

    /// <summary>Asserts that the push is answered.</summary>
    /// <param name="status"><c>ok</c>, <c>error</c> or a status of the application.</param>
    /// <param name="response">The exact response; null for any.</param>
    public async Task<ChannelPayload> AssertReplyAsync(string status, object? response = null)
    {
        ChannelPayload? expected = response is null ? null : TestMessage.From(response);
        var reply = await _server.FindAsync(RemoveReply).ConfigureAwait(false);
        var isExpected = reply?.Status == status && (expected is not { } e || TestMessage.Same(e, reply.Response));
        return isExpected
            ? reply!.Response
            : throw new ChannelTestException(
                $"Expected {_name} to be answered {status} {expected?.ToString() ?? "with any payload"}; "
                + $"it was {(reply is null ? "not answered" : $"answered {reply}")}.{_server.LogText()}");
    }

    /// <summary>Asserts that the push has not been answered.</summary>
    public async Task RefuteReplyAsync()
    {
        await _server.SettleAsync().ConfigureAwait(false);
        if (RemoveReply() is { } reply)
        {
            throw new ChannelTestException($"Expected {_name} not to be answered; it was answered {reply}.");
        }
    }

    private TestReply? RemoveReply()
    {
        var reply = TestReply.Of(_reply);
        _reply = reply is null ? _reply : null;
        return reply;
    }
}
