using System.Collections.Concurrent;
using System.Text.Json;

namespace Presence.Client;

/// <summary>One topic on one connection.</summary>
internal sealed class PhoenixChannel(PhoenixSocket socket, string topic)
{
    private readonly ConcurrentDictionary<string, Action<JsonElement>> _handlers = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Topic => topic;

    public string? JoinRef { get; private set; }

    /// <summary>Gets a task that completes with <c>phx_close</c> or <c>phx_error</c> when the channel ends.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>Gets what is called with each message, before the handler of its event.</summary>
    public Action<PhoenixMessage>? Received { get; init; }

    /// <summary>Sets the handler of an event. It runs on the thread that received the message.</summary>
    public PhoenixChannel On(string name, Action<JsonElement> handler)
    {
        _handlers[name] = handler;
        return this;
    }

    /// <summary>Joins, once.</summary>
    /// <returns>The answer, which may be an error.</returns>
    /// <exception cref="PhoenixException">There was no answer.</exception>
    public async Task<PhoenixReply> TryJoinAsync(object? parameters = null)
    {
        var reference = BeginJoin();
        var reply = await socket.RequestAsync(
            reference, reference, topic, "phx_join", parameters).ConfigureAwait(false);
        if (!reply.IsOk)
        {
            socket.Forget(reference);
        }

        return reply;
    }

    /// <summary>Joins, once.</summary>
    /// <exception cref="PhoenixException">The server rejected the join, or there was no answer.</exception>
    public async Task<JsonElement> JoinAsync(object? parameters = null) =>
        (await TryJoinAsync(parameters).ConfigureAwait(false)).Require($"cannot join {topic}");

    /// <summary>Sends a push and waits for the answer.</summary>
    /// <exception cref="PhoenixException">There was no answer.</exception>
    public Task<PhoenixReply> TryPushAsync(string name, object? payload = null) =>
        socket.RequestAsync(JoinRef, socket.NextRef(), topic, name, payload);

    /// <summary>Sends a push and waits for the answer.</summary>
    /// <exception cref="PhoenixException">The answer was not <c>ok</c>, or there was none.</exception>
    public async Task<JsonElement> PushAsync(string name, object? payload = null) =>
        (await TryPushAsync(name, payload).ConfigureAwait(false)).Require($"'{name}' to {topic}");

    /// <summary>Leaves the topic.</summary>
    /// <exception cref="PhoenixException">There was no answer.</exception>
    public async Task LeaveAsync()
    {
        await socket.RequestAlwaysAsync(JoinRef, socket.NextRef(), topic, "phx_leave").ConfigureAwait(false);
        socket.Forget(JoinRef!);
    }

    /// <summary>Sends the join, for a caller that waits in its own way.</summary>
    internal PhoenixPush Join(object? parameters)
    {
        var reference = BeginJoin();
        return socket.Push(reference, reference, topic, "phx_join", parameters);
    }

    /// <summary>Sends a push, for a caller that waits in its own way.</summary>
    internal PhoenixPush Push(string name, object? payload) =>
        socket.Push(JoinRef, socket.NextRef(), topic, name, payload);

    /// <summary>Handles a message, unless it names another topic or another join.</summary>
    internal void Receive(PhoenixMessage message)
    {
        if (message.Topic != topic || (message.JoinRef is { } joinRef && joinRef != JoinRef))
        {
            return;
        }

        if (message.Event is "phx_close" or "phx_error")
        {
            socket.Forget(JoinRef!);
            _ended.TrySetResult(message.Event);
        }

        Received?.Invoke(message);
        if (_handlers.TryGetValue(message.Event, out var handler))
        {
            handler(message.Payload);
        }
    }

    private string BeginJoin()
    {
        var reference = socket.NextRef();
        JoinRef = reference;
        socket.Listen(reference, this);
        return reference;
    }
}
