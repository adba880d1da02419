using System.Collections.Concurrent;
using System.Globalization;

namespace Presence.Client;

/// <summary>The client side of a Phoenix socket. It does not reconnect; its owner decides.</summary>
/// <remarks>
/// Messages are handled one by one on the thread that received them: a slow handler applies backpressure to the server
/// instead of filling this process's memory, and must not wait for an answer on the same connection.
/// </remarks>
internal sealed class PhoenixSocket : IAsyncDisposable
{
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    private readonly IPhoenixConnection _connection;
    private readonly PhoenixOptions _options;
    private readonly ConcurrentDictionary<string, PhoenixChannel> _channels = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<PhoenixReply>> _pending = new();
    private readonly TaskCompletionSource<string> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _heartbeat;
    private long _references;
    private long _received;
    private long _sent;
    private long _bytes;

    /// <summary>Creates a socket on a connection that is open and has received nothing.</summary>
    public PhoenixSocket(IPhoenixConnection connection, PhoenixOptions options)
    {
        _connection = connection;
        _options = options;
        _heartbeat = options.Time.CreateTimer(
            static self => _ = ((PhoenixSocket)self!).BeatAsync(), this, options.Heartbeat, options.Heartbeat);
    }

    /// <summary>Gets a task that completes with the reason when the connection has ended.</summary>
    public Task<string> Closed => _closed.Task;

    public long Received => Volatile.Read(ref _received);

    public long Sent => Volatile.Read(ref _sent);

    public long ReceivedBytes => Volatile.Read(ref _bytes);

    internal TimeSpan Timeout => _options.Timeout;

    /// <summary>Connects over a WebSocket.</summary>
    /// <param name="address">Of the socket, such as <c>ws://127.0.0.1:4000/socket</c>, or with <c>http</c>.</param>
    /// <param name="options">How to connect.</param>
    /// <param name="cancellation">Cancels the attempt.</param>
    /// <exception cref="PhoenixException">The server does not answer, or rejects the connection.</exception>
    public static async Task<PhoenixSocket> ConnectAsync(
        Uri address, PhoenixOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new PhoenixOptions();
        options.Validate();
        var connection = await WebSocketConnection.OpenAsync(address, options, cancellation).ConfigureAwait(false);
        var socket = new PhoenixSocket(connection, options);
        _ = Task.Run(() => connection.RunAsync(socket), CancellationToken.None);
        return socket;
    }

    public PhoenixChannel Channel(string topic) => new(this, topic);

    /// <summary>Closes the connection with a handshake, as a browser page does when it is left.</summary>
    public async Task CloseAsync()
    {
        try
        {
            // The close waits for a send that is under way, and that one for a peer which may not read.
            var closing = Task.WhenAll(_connection.CloseAsync(), _closed.Task);
            await closing.WaitAsync(CloseTimeout, _options.Time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _connection.Abort();
        }
    }

    /// <summary>Ends the connection without a handshake, as a device that loses its network does.</summary>
    public void Abort()
    {
        _connection.Abort();
        End("aborted here");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_closed.Task.IsCompleted)
        {
            await CloseAsync().ConfigureAwait(false);
        }

        End("disposed");
        _connection.Abort();
    }

    /// <summary>Sends a message without waiting for an answer.</summary>
    /// <exception cref="PhoenixException">The connection has ended.</exception>
    public async Task SendAsync(string? joinRef, string? reference, string topic, string name, object? payload = null)
    {
        var frame = PhoenixMessage.Encode(joinRef, reference, topic, name, payload);
        await _connection.SendAsync(frame).ConfigureAwait(false);
        Interlocked.Increment(ref _sent);
    }

    /// <summary>
    /// Sends a push and waits for its answer. A connection that does not accept it in time is aborted.
    /// </summary>
    /// <exception cref="PhoenixException">There was no answer, or too many pushes wait for theirs.</exception>
    public Task<PhoenixReply> RequestAsync(
        string? joinRef, string reference, string topic, string name, object? payload = null) =>
        _pending.Count < _options.MaxPending
            ? RequestAlwaysAsync(joinRef, reference, topic, name, payload)
            : Task.FromException<PhoenixReply>(
                new PhoenixException($"{_options.MaxPending} pushes are waiting for an answer already."));

    /// <summary>The same for what must not fail because pushes are waiting: heartbeats and leaves.</summary>
    /// <exception cref="PhoenixException">There was no answer.</exception>
    internal async Task<PhoenixReply> RequestAlwaysAsync(
        string? joinRef, string reference, string topic, string name, object? payload = null)
    {
        try
        {
            var push = Push(joinRef, reference, topic, name, payload);
            if (!await IsSentAsync(push.Sent).ConfigureAwait(false))
            {
                Abort();
                throw new PhoenixException(
                    $"'{name}' to {topic} was not sent within {_options.Timeout.TotalSeconds:0.#} s:"
                    + " the server does not read.");
            }

            return await push.Reply.WaitAsync(_options.Timeout, _options.Time).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new PhoenixException(
                $"'{name}' to {topic} was not answered within {_options.Timeout.TotalSeconds:0.#} s.", e);
        }
        finally
        {
            _pending.TryRemove(reference, out _);
        }
    }

    internal string NextRef() => Interlocked.Increment(ref _references).ToString(CultureInfo.InvariantCulture);

    internal PhoenixPush Push(string? joinRef, string reference, string topic, string name, object? payload)
    {
        var answer = new TaskCompletionSource<PhoenixReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[reference] = answer;
        // Checked after the entry was added: either End sees the entry, or this sees the end.
        return _closed.Task.IsCompleted
            ? throw new PhoenixException($"'{name}' to {topic}: the connection has ended ({_closed.Task.Result}).")
            : new(SendAsync(joinRef, reference, topic, name, payload), answer.Task);
    }

    internal void Listen(string joinRef, PhoenixChannel channel) => _channels[joinRef] = channel;

    internal void Forget(string joinRef) => _channels.TryRemove(joinRef, out _);

    /// <summary>Handles a frame that has arrived. The connection calls it, one frame after the other.</summary>
    /// <exception cref="PhoenixException">The frame is not a message of the protocol.</exception>
    internal void Receive(PhoenixFrame frame)
    {
        Interlocked.Increment(ref _received);
        Interlocked.Add(ref _bytes, frame.Bytes.Length);
        var message = PhoenixMessage.Decode(frame);
        if (message.Status is { } status)
        {
            if (message.Ref is { } reference && _pending.TryRemove(reference, out var waiting))
            {
                waiting.TrySetResult(new(status, message.Payload) { Data = message.Data });
            }

            return;
        }

        foreach (var channel in _channels.Values)
        {
            channel.Receive(message);
        }
    }

    /// <summary>Records that the connection has ended: pushes that wait for an answer fail.</summary>
    internal void End(string reason)
    {
        if (!_closed.TrySetResult(reason))
        {
            return;
        }

        _heartbeat.Dispose();
        foreach (var reference in _pending.Keys)
        {
            if (_pending.TryRemove(reference, out var waiting))
            {
                waiting.TrySetException(new PhoenixException($"The connection has ended: {reason}."));
            }
        }
    }

    private async Task<bool> IsSentAsync(Task sent)
    {
        try
        {
            await sent.WaitAsync(_options.Timeout, _options.Time).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task BeatAsync()
    {
        try
        {
            await RequestAlwaysAsync(null, NextRef(), "phoenix", "heartbeat").ConfigureAwait(false);
        }
        catch (PhoenixException)
        {
            // Without an answer the server is gone, even if the connection seems open.
            Abort();
        }
    }
}
