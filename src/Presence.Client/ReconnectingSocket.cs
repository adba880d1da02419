namespace Presence.Client;

/// <summary>
/// A Phoenix socket that connects again when its connection ends, after a random, growing delay, and then joins its
/// channels again.
/// </summary>
/// <example>
/// <code>
/// using Presence.Client;
///
/// var options = new PhoenixOptions { Parameters = new Dictionary&lt;string, string&gt; { ["user_id"] = "ann" } };
/// await using var socket = new ReconnectingSocket(new Uri("wss://example.org/socket"), options);
/// var room = socket.Join("room:1", listen: channel =&gt;
///     _ = new PresenceSync(channel, change =&gt; Console.WriteLine($"{change.Kind} {change.Key}")));
/// await room.JoinedAsync();
/// await room.PushAsync("message", new { text = "hello" });
/// </code>
/// </example>
public sealed class ReconnectingSocket : IAsyncDisposable
{
    private readonly Func<CancellationToken, Task<PhoenixSocket>> _connect;
    private readonly Lock _gate = new();
    private readonly List<ReconnectingChannel> _channels = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private PhoenixSocket? _socket;
    private bool _isDisposed;

    /// <summary>Begins to connect.</summary>
    /// <param name="connect">Opens a connection.</param>
    /// <param name="delay">The times between attempts.</param>
    /// <param name="time">The clock.</param>
    internal ReconnectingSocket(
        Func<CancellationToken, Task<PhoenixSocket>> connect, ReconnectDelay? delay = null, TimeProvider? time = null)
    {
        (_connect, Delay, Time) = (connect, delay ?? new(), time ?? TimeProvider.System);
        Delay.Validate();
        Stopping = _stop.Token;
        _running = RunAsync();
    }

    /// <summary>Begins to connect over a WebSocket.</summary>
    /// <param name="address">Of the socket, such as <c>wss://example.org/socket</c>, or with <c>https</c>.</param>
    /// <param name="options">How to connect.</param>
    /// <param name="delay">The times between attempts.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option or a delay is out of range.</exception>
    public ReconnectingSocket(Uri address, PhoenixOptions? options = null, ReconnectDelay? delay = null)
        : this(Connect(address, options ?? new()), delay, options?.Time)
    {
    }

    /// <summary>Begins to connect over a WebSocket, each time with new options, such as a new token.</summary>
    /// <param name="address">Of the socket, such as <c>wss://example.org/socket</c>, or with <c>https</c>.</param>
    /// <param name="options">Returns how to connect. If it throws, it is called again after the delay.</param>
    /// <param name="delay">The times between attempts.</param>
    /// <exception cref="ArgumentOutOfRangeException">A delay is out of range.</exception>
    public ReconnectingSocket(
        Uri address, Func<CancellationToken, Task<PhoenixOptions>> options, ReconnectDelay? delay = null)
        : this(
            async stop => await PhoenixSocket.ConnectAsync(
                address, await options(stop).ConfigureAwait(false), stop).ConfigureAwait(false),
            delay)
    {
    }

    /// <summary>
    /// Gets or sets what is called with each exception of a handler and of the parameters of a join. Default: nothing.
    /// </summary>
    public Action<Exception>? HandlerFailed { get; set; }

    /// <summary>Gets why the last attempt to connect failed; null while it is connected.</summary>
    public string? LastError { get; private set; }

    internal ReconnectDelay Delay { get; }

    internal TimeProvider Time { get; }

    internal CancellationToken Stopping { get; }

    /// <summary>Joins a topic, now or as soon as there is a connection, and again after each new one.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="parameters">Returns the parameters of a join, a JSON object; null for none.</param>
    /// <param name="listen">Adds the handlers, before anything can arrive.</param>
    /// <exception cref="ObjectDisposedException">The socket was disposed.</exception>
    public ReconnectingChannel Join(
        string topic, Func<object?>? parameters = null, Action<ReconnectingChannel>? listen = null)
    {
        var channel = new ReconnectingChannel(this, topic, parameters ?? (static () => null));
        listen?.Invoke(channel);
        PhoenixSocket? socket;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _channels.Add(channel);
            socket = _socket;
        }

        if (socket is not null)
        {
            channel.Begin(socket);
        }

        return channel;
    }

    /// <summary>
    /// Closes the connection and the channels. Their sessions end, at once or after their grace. May be called again.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        ReconnectingChannel[] channels;
        lock (_gate)
        {
            channels = _isDisposed ? [] : [.. _channels];
            _isDisposed = true;
        }

        // Not disposed afterwards: it holds nothing, and a second call may be at this point.
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        foreach (var channel in channels)
        {
            channel.Close();
        }
    }

    internal void OnHandlerFailed(Exception error) => HandlerFailed?.Invoke(error);

    internal void Forget(ReconnectingChannel channel)
    {
        lock (_gate)
        {
            _channels.Remove(channel);
        }
    }

    private static Func<CancellationToken, Task<PhoenixSocket>> Connect(Uri address, PhoenixOptions options)
    {
        ArgumentNullException.ThrowIfNull(address);
        options.Validate();
        return stop => PhoenixSocket.ConnectAsync(address, options, stop);
    }

    private async Task RunAsync()
    {
        var attempt = 0;
        while (!Stopping.IsCancellationRequested)
        {
            try
            {
                await using var socket = await _connect(Stopping).ConfigureAwait(false);
                (attempt, LastError) = (0, null);
                Begin(socket);
                LastError = await socket.Closed.WaitAsync(Stopping).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Of the connection or of the application's options; or this is disposed.
                LastError = e.Message;
            }
            finally
            {
                Begin(null);
            }

            await Task.Delay(Delay.Before(++attempt), Time, Stopping)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Outside of the lock, because it calls the application: parameters and handlers.</summary>
    private void Begin(PhoenixSocket? socket)
    {
        ReconnectingChannel[] channels;
        lock (_gate)
        {
            _socket = socket;
            channels = [.. _channels];
        }

        foreach (var channel in channels)
        {
            channel.Begin(socket);
        }
    }
}
