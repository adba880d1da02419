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

    /// <summary>Completes with <c>phx_close</c> or <c>phx_error</c> when the server ended the channel.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>Hears an event from now on; one handler per event. It runs on the connection's loop: see there.</summary>
    public PhoenixChannel On(string name, Action<JsonElement> handler)
    {
        _handlers[name] = handler;
        return this;
    }

    /// <summary>Joins, once.</summary>
    /// <returns>The answer, which may be a refusal.</returns>
    /// <exception cref="PhoenixException">There was no answer.</exception>
    public async Task<PhoenixReply> TryJoinAsync(object? parameters = null)
    {
        var reference = socket.NextRef();
        JoinRef = reference;
        socket.Listen(reference, this);
        var reply = await socket.AskAsync(reference, reference, topic, "phx_join", parameters);
        if (!reply.IsOk)
        {
            socket.Forget(reference);
        }

        return reply;
    }

    /// <summary>Joins, once.</summary>
    /// <exception cref="PhoenixException">The server refused, or there was no answer.</exception>
    public async Task<JsonElement> JoinAsync(object? parameters = null) =>
        (await TryJoinAsync(parameters)).Require($"cannot join {topic}");

    /// <summary>Pushes and waits for the answer.</summary>
    /// <exception cref="PhoenixException">There was no answer.</exception>
    public Task<PhoenixReply> TryPushAsync(string name, object? payload = null) =>
        socket.AskAsync(JoinRef, socket.NextRef(), topic, name, payload);

    /// <summary>Pushes and waits for the answer.</summary>
    /// <exception cref="PhoenixException">The answer was no <c>ok</c>, or there was none.</exception>
    public async Task<JsonElement> PushAsync(string name, object? payload = null) =>
        (await TryPushAsync(name, payload)).Require($"'{name}' to {topic}");

    /// <summary>Leaves.</summary>
    public async Task LeaveAsync()
    {
        await TryPushAsync("phx_leave");
        socket.Forget(JoinRef!);
    }

    internal void Hear(PhoenixMessage message)
    {
        if (message.Event is "phx_close" or "phx_error")
        {
            socket.Forget(JoinRef!);
            _ended.TrySetResult(message.Event);
        }

        if (_handlers.TryGetValue(message.Event, out var handler))
        {
            handler(message.Payload);
        }
    }
}
