using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Presence.Client;

/// <summary>The state of a <see cref="ReconnectingChannel"/>.</summary>
public enum ChannelState
{
    /// <summary>There is no connection, or the join is under way; it continues by itself.</summary>
    Joining,

    /// <summary>Messages are sent and received.</summary>
    Joined,

    /// <summary>The server rejected the join. It is repeated.</summary>
    Rejected,

    /// <summary>Another connection continues the session. Final.</summary>
    Superseded,

    /// <summary>The server closed the channel, it was left, or the socket was disposed. Final.</summary>
    Closed,
}

/// <summary>
/// One topic of a <see cref="ReconnectingSocket"/>. It returns the token of its last join, so that the server continues
/// its session: others see neither a leave nor a join.
/// </summary>
/// <remarks>Presences are restored, messages that were missed are not.</remarks>
public sealed class ReconnectingChannel
{
    private const string Superseded = "presence_superseded";

    private readonly ConcurrentDictionary<string, Action<JsonElement>> _handlers = new(StringComparer.Ordinal);
    private readonly ReconnectingSocket _owner;
    private readonly Func<object?> _parameters;
    private PhoenixChannel? _joined;
    private volatile string? _token;
    private volatile bool _isLeft;
    private TaskCompletionSource? _changed;
    private int _unannounced;
    private bool _isAnnouncing;

    internal ReconnectingChannel(ReconnectingSocket owner, string topic, Func<object?> parameters) =>
        (_owner, Topic, _parameters) = (owner, topic, parameters);

    /// <summary>Gets the topic.</summary>
    public string Topic { get; }

    /// <summary>Gets the state.</summary>
    public ChannelState State { get; private set; }

    /// <summary>Gets the last answer to a join; undefined before.</summary>
    public JsonElement Reply { get; private set; }

    /// <summary>Gets whether the last join continued the session of an earlier one.</summary>
    public bool IsResumed { get; private set; }

    /// <summary>
    /// Gets or sets what is called once after each change of the state, one call at a time and outside of locks. The
    /// state may have changed again meanwhile, for which a call follows.
    /// </summary>
    public Action<ReconnectingChannel>? Changed { get; set; }

    /// <summary>Gets or sets what is called before each join, when nothing of the join before can arrive.</summary>
    internal Action? Joining { get; set; }

    /// <summary>Sets the handler of an event, for all joins.</summary>
    /// <remarks>
    /// It runs on the thread that received the message, one call at a time: a slow handler slows the server down, and
    /// must not wait for an answer on the same socket. See <see cref="ReconnectingSocket.HandlerFailed"/>.
    /// </remarks>
    public ReconnectingChannel On(string name, Action<JsonElement> handler)
    {
        _handlers[name] = handler;
        return this;
    }

    /// <summary>Waits until the channel is joined.</summary>
    /// <exception cref="PhoenixException">It is closed or superseded, and will not be joined.</exception>
    public async Task JoinedAsync(CancellationToken cancellation = default)
    {
        while (true)
        {
            Task changed;
            lock (_handlers)
            {
                if (State == ChannelState.Joined)
                {
                    return;
                }

                changed = IsFinal
                    ? throw new PhoenixException($"{Topic} is {State}.")
                    : (_changed ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await changed.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Sends a push and waits for the answer. It is not repeated after a lost connection.</summary>
    /// <exception cref="PhoenixException">
    /// The channel is not joined, the answer was not <c>ok</c>, or there was none.
    /// </exception>
    /// <param name="name">The event.</param>
    /// <param name="payload">Serialized as JSON with the web defaults; bytes are sent as a binary frame.</param>
    /// <param name="cancellation">Stops waiting. The push may have been sent.</param>
    public async Task<JsonElement> PushAsync(
        string name, object? payload = null, CancellationToken cancellation = default) =>
        Volatile.Read(ref _joined) is { } joined
            ? await joined.PushAsync(name, payload).WaitAsync(cancellation).ConfigureAwait(false)
            : throw new PhoenixException($"{Topic} is not joined.");

    /// <summary>Leaves the topic: the session ends at once and cannot be resumed.</summary>
    /// <param name="cancellation">Stops waiting for the server.</param>
    /// <remarks>While the join is under way, it returns at once; the leave follows the server's answer.</remarks>
    public async Task LeaveAsync(CancellationToken cancellation = default)
    {
        _owner.Forget(this);
        if (End() is { } joined)
        {
            await LeaveAsync(joined).WaitAsync(cancellation).ConfigureAwait(false);
        }

        Set(ChannelState.Closed);
    }

    /// <summary>Ends the channel with its socket: nobody waits for it any longer.</summary>
    internal void Close()
    {
        if (!IsFinal)
        {
            End();
            Set(ChannelState.Closed);
        }
    }

    /// <summary>Joins on a new connection; null if the connection has ended.</summary>
    internal void Begin(PhoenixSocket? socket)
    {
        if (socket is not null)
        {
            // Nothing if the connection has ended meanwhile.
            _ = JoinUntilClosedAsync(socket);
            return;
        }

        Volatile.Write(ref _joined, null);
        if (!IsFinal)
        {
            Set(ChannelState.Joining);
        }
    }

    private bool IsFinal => _isLeft || State is ChannelState.Superseded or ChannelState.Closed;

    /// <returns>What has to be left; null while a join is under way, which then sees that it was left.</returns>
    private PhoenixChannel? End()
    {
        lock (_handlers)
        {
            (_isLeft, _token) = (true, null);
            return _joined;
        }
    }

    private static async Task LeaveAsync(PhoenixChannel joined)
    {
        try
        {
            await joined.LeaveAsync().ConfigureAwait(false);
        }
        catch (PhoenixException)
        {
            // The connection ended meanwhile.
        }
    }

    private async Task JoinUntilClosedAsync(PhoenixSocket socket)
    {
        for (var attempt = 1; !IsFinal && !socket.Closed.IsCompleted && !_owner.Stopping.IsCancellationRequested;)
        {
            try
            {
                if (await JoinAsync(socket).ConfigureAwait(false))
                {
                    attempt = 1;
                }
            }
            catch (PhoenixException)
            {
                // No answer. The next attempt is on this connection, or on the next one.
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // The parameters of the application.
                _owner.OnHandlerFailed(e);
            }

            if (!IsFinal && !socket.Closed.IsCompleted)
            {
                await Task.Delay(_owner.Delay.Before(attempt++), _owner.Time, _owner.Stopping)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Joins, and waits for the end of the channel.</summary>
    /// <returns>Whether it was joined.</returns>
    private async Task<bool> JoinAsync(PhoenixSocket socket)
    {
        Call(() => Joining?.Invoke());
        var channel = new PhoenixChannel(socket, Topic) { Received = OnMessage };
        PhoenixReply reply;
        try
        {
            reply = await channel.TryJoinAsync(Parameters()).ConfigureAwait(false);
        }
        catch (PhoenixException) when (_isLeft && channel.JoinRef is not null)
        {
            // The server may have joined it all the same.
            await LeaveAsync(channel).ConfigureAwait(false);
            throw;
        }

        Reply = reply.Response;
        if (!reply.IsOk)
        {
            _token = null;
            Set(ChannelState.Rejected);
            return false;
        }

        bool isLeft;
        lock (_handlers)
        {
            isLeft = _isLeft;
            if (!isLeft)
            {
                _joined = channel;
                _token = Text(reply.Response, "resume") ?? _token;
            }
        }

        if (isLeft)
        {
            await LeaveAsync(channel).ConfigureAwait(false);
            return true;
        }

        IsResumed = reply.Response.ValueKind == JsonValueKind.Object
            && reply.Response.TryGetProperty("resumed", out var resumed)
            && resumed.ValueKind == JsonValueKind.True;
        Set(ChannelState.Joined);
        await Task.WhenAny(channel.Ended, socket.Closed).ConfigureAwait(false);

        // Not that of a later connection.
        Interlocked.CompareExchange(ref _joined, null, channel);
        if (channel.Ended.IsCompleted)
        {
            if (await channel.Ended.ConfigureAwait(false) != "phx_error")
            {
                Set(State == ChannelState.Superseded ? State : ChannelState.Closed);
            }
            else if (Volatile.Read(ref _joined) is null)
            {
                Set(ChannelState.Joining);
            }
        }

        return true;
    }

    private JsonObject Parameters()
    {
        var parameters = _parameters() is { } given
            ? JsonSerializer.SerializeToNode(given, JsonSerializerOptions.Web) as JsonObject
                ?? throw new PhoenixException($"The parameters of {Topic} are no JSON object.")
            : [];
        if (_token is { } token)
        {
            parameters["resume"] = token;
        }

        return parameters;
    }

    private void OnMessage(PhoenixMessage message)
    {
        if (message.Event == Superseded)
        {
            _token = null;
            Set(ChannelState.Superseded);
        }

        if (_handlers.TryGetValue(message.Event, out var handler))
        {
            Call(() => handler(message.Payload));
        }
    }

    private void Set(ChannelState state)
    {
        lock (_handlers)
        {
            // Nothing follows the end, such as the answer to a join that came after the leave.
            if (_isLeft && (state != ChannelState.Closed || State == ChannelState.Closed))
            {
                return;
            }

            State = state;
            _changed?.SetResult();
            _changed = null;
            _unannounced++;
            if (_isAnnouncing)
            {
                return;
            }

            _isAnnouncing = true;
        }

        Announce();
    }

    /// <summary>Calls <see cref="Changed"/> for each change, also for those of other threads meanwhile.</summary>
    private void Announce()
    {
        var isMore = true;
        try
        {
            while (isMore)
            {
                Call(() => Changed?.Invoke(this));
                lock (_handlers)
                {
                    _isAnnouncing = isMore = --_unannounced > 0;
                }
            }
        }
        catch
        {
            // Of HandlerFailed. What is left follows with the next change.
            lock (_handlers)
            {
                (_unannounced, _isAnnouncing) = (_unannounced - 1, false);
            }

            throw;
        }
    }

    private void Call(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _owner.OnHandlerFailed(e);
        }
    }

    private static string? Text(JsonElement response, string name) =>
        response.ValueKind == JsonValueKind.Object
        && response.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
