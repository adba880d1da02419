using System.Collections.Concurrent;
using System.Globalization;

namespace Presence.Client;

/// <summary>A client's side of a Phoenix socket. It does not reconnect: its owner decides what to do when it has ended.</summary>
/// <remarks>
/// What arrives is handled on the thread that received it, message by message: a slow handler slows the server down (and does not
/// fill this process's memory), and must not wait for an answer on the same connection.
/// </remarks>
internal sealed class PhoenixSocket : IAsyncDisposable
{
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    private readonly IPhoenixConnection _connection;
    private readonly PhoenixOptions _options;
    private readonly ConcurrentDictionary<string, PhoenixChannel> _channels = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, TaskCompletionSource<PhoenixReply>> _pending = new(StringComparer.Ordinal);
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

    /// <summary>Gets the number of messages received.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>Gets the number of messages sent.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Gets the number of bytes in the messages received.</summary>
    public long ReceivedBytes => Volatile.Read(ref _bytes);

    internal TimeSpan Timeout => _options.Timeout;

    /// <summary>Connects over a WebSocket.</summary>
    /// <param name="address">Of the socket, such as <c>ws://127.0.0.1:4000/socket</c>; <c>http</c> will do as well.</param>
    /// <param name="options">How to connect.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="PhoenixException">The server does not answer, or rejects the connection.</exception>
    public static async Task<PhoenixSocket> ConnectAsync(
        Uri address, PhoenixOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new PhoenixOptions();
        var connection = await WebSocketConnection.OpenAsync(address, options, cancellation).ConfigureAwait(false);
        var socket = new PhoenixSocket(connection, options);
        _ = Task.Run(() => connection.RunAsync(socket), CancellationToken.None);
        return socket;
    }

    /// <summary>Returns a channel of this connection, not yet joined.</summary>
    public PhoenixChannel Channel(string topic) => new(this, topic);

    /// <summary>Closes the connection as a page does that is left.</summary>
    public async Task CloseAsync()
    {
        await _connection.CloseAsync().ConfigureAwait(false);
        try
        {
            await _closed.Task.WaitAsync(CloseTimeout, _options.Time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _connection.Abort();
        }
    }

    /// <summary>Ends the connection without a handshake, as a device does that loses its network.</summary>
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
        _connection.Dispose();
    }

    /// <summary>Sends a message without waiting for an answer.</summary>
    /// <exception cref="PhoenixException">The connection has ended.</exception>
    public async Task SendAsync(string? joinRef, string? reference, string topic, string name, object? payload = null)
    {
        await _connection.SendAsync(PhoenixMessage.Encode(joinRef, reference, topic, name, payload)).ConfigureAwait(false);
        Interlocked.Increment(ref _sent);
    }

    /// <summary>Sends a push and waits for its answer.</summary>
    /// <exception cref="PhoenixException">There was no answer.</exception>
    public async Task<PhoenixReply> AskAsync(string? joinRef, string reference, string topic, string name, object? payload = null)
    {
        if (_pending.Count >= _options.MaxPending)
        {
            throw new PhoenixException($"{_options.MaxPending} pushes wait for an answer already.");
        }

        try
        {
            var push = Push(joinRef, reference, topic, name, payload);
            await push.Sent.ConfigureAwait(false);
            return await push.Reply.WaitAsync(_options.Timeout, _options.Time).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new PhoenixException($"'{name}' to {topic} was not answered within {_options.Timeout.TotalSeconds:0.#} s.", e);
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
        // Checked after the entry is there, so that End either sees the entry or is seen here.
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

    /// <summary>Records that the connection has ended; pushes that wait for an answer fail. Only the first call counts.</summary>
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

    private async Task BeatAsync()
    {
        try
        {
            await AskAsync(null, NextRef(), "phoenix", "heartbeat").ConfigureAwait(false);
        }
        catch (PhoenixException)
        {
            // Without an answer the other side is gone, whatever the connection says.
            Abort();
        }
    }
}
