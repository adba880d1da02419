using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net.WebSockets;
using System.Text;

namespace Presence.Client;

/// <summary>A connection to a Phoenix socket over a real WebSocket. It does not reconnect: its owner decides what then.</summary>
/// <remarks>
/// What arrives is handled on the connection's own loop, message by message: a handler that is slow slows the server down
/// (and not the memory of this process), and must not wait for an answer on the same connection.
/// </remarks>
internal sealed class PhoenixSocket : IAsyncDisposable
{
    private const int FirstBuffer = 4096;

    // Shared: one handler each would cost more than the connection itself.
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false });

    private readonly ClientWebSocket _socket;
    private readonly PhoenixOptions _options;
    private readonly ConcurrentDictionary<string, PhoenixChannel> _channels = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, TaskCompletionSource<PhoenixReply>> _pending = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _sending = new(1);
    private readonly TaskCompletionSource<string> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _heartbeat;
    private long _references;
    private long _received;
    private long _sent;
    private long _bytes;

    private PhoenixSocket(ClientWebSocket socket, PhoenixOptions options)
    {
        _socket = socket;
        _options = options;
        _ = ReceiveAsync();
        _heartbeat = options.Time.CreateTimer(
            static self => _ = ((PhoenixSocket)self!).BeatAsync(),
            this,
            options.Heartbeat,
            options.Heartbeat);
    }

    /// <summary>Completes with the reason when the connection has ended, in whatever way.</summary>
    public Task<string> Closed => _closed.Task;

    /// <summary>Messages received.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>Messages sent.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Bytes of the messages received.</summary>
    public long ReceivedBytes => Volatile.Read(ref _bytes);

    internal TimeSpan Timeout => _options.Timeout;

    /// <param name="address">Of the socket, such as <c>ws://127.0.0.1:4000/socket</c>; <c>http</c> will do as well.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="PhoenixException">Nobody answers, or the server refuses.</exception>
    public static async Task<PhoenixSocket> ConnectAsync(
        Uri address,
        PhoenixOptions? options = null,
        CancellationToken cancellation = default)
    {
        options ??= new PhoenixOptions();
        var socket = new ClientWebSocket();
        // The protocol has heartbeats of its own.
        socket.Options.KeepAliveInterval = System.Threading.Timeout.InfiniteTimeSpan;
        socket.Options.CollectHttpResponseDetails = true;
        if (options.AuthToken is { } token)
        {
            var encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes(token)).TrimEnd('=').Replace('+', '-').Replace('/', '_');
            socket.Options.AddSubProtocol("phoenix");
            socket.Options.AddSubProtocol("base64url.bearer.phx." + encoded);
        }

        using var patience = new CancellationTokenSource(options.Timeout, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            await socket.ConnectAsync(Endpoint(address, options), Http, either.Token);
            return new PhoenixSocket(socket, options);
        }
        catch (Exception e) when (e is WebSocketException or HttpRequestException or IOException
            || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            var status = (int)socket.HttpStatusCode;
            socket.Dispose();
            throw new PhoenixException(
                status == 0
                    ? $"{Shown(address)} does not answer: {(e is OperationCanceledException ? "no answer in time" : e.GetBaseException().Message)}"
                    : $"{Shown(address)} refuses the connection with status {status}",
                e);
        }
    }

    /// <summary>A channel of this connection, not yet joined.</summary>
    public PhoenixChannel Channel(string topic) => new(this, topic);

    /// <summary>Closes in order, as a page does that is left.</summary>
    public async Task CloseAsync()
    {
        await CloseOutputAsync();
        try
        {
            await _closed.Task.WaitAsync(TimeSpan.FromSeconds(2), _options.Time);
        }
        catch (TimeoutException)
        {
            _socket.Abort();
        }
    }

    /// <summary>Ends without goodbye, as a device does that loses its network.</summary>
    public void Abort()
    {
        _socket.Abort();
        End("aborted here");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_closed.Task.IsCompleted)
        {
            await CloseAsync();
        }

        End("disposed");
        _socket.Dispose();
    }

    internal string NextRef() => Interlocked.Increment(ref _references).ToString(CultureInfo.InvariantCulture);

    internal void Listen(string joinRef, PhoenixChannel channel) => _channels[joinRef] = channel;

    internal void Forget(string joinRef) => _channels.TryRemove(joinRef, out _);

    /// <summary>Sends a push and waits for its answer.</summary>
    internal async Task<PhoenixReply> AskAsync(string? joinRef, string reference, string topic, string name, object? payload)
    {
        if (_pending.Count >= _options.MaxPending)
        {
            throw new PhoenixException($"{_options.MaxPending} pushes wait for an answer already.");
        }

        var answer = new TaskCompletionSource<PhoenixReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[reference] = answer;
        try
        {
            if (_closed.Task.IsCompleted)
            {
                throw new PhoenixException($"'{name}' to {topic}: the connection has ended ({await _closed.Task}).");
            }

            await SendAsync(PhoenixMessage.Write(joinRef, reference, topic, name, payload));
            return await answer.Task.WaitAsync(_options.Timeout, _options.Time);
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

    /// <summary>Sends a frame as it is; for the rude.</summary>
    internal async Task SendAsync(ReadOnlyMemory<byte> frame, WebSocketMessageType type = WebSocketMessageType.Text)
    {
        await _sending.WaitAsync();
        try
        {
            await _socket.SendAsync(frame, type, endOfMessage: true, CancellationToken.None);
            Interlocked.Increment(ref _sent);
        }
        catch (Exception e) when (IsGone(e))
        {
            throw new PhoenixException("The connection has ended.", e);
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task ReceiveAsync()
    {
        // The constructor is not left behind while it runs.
        await Task.Yield();
        try
        {
            while (await ReceiveOneAsync())
            {
            }

            End(_socket.CloseStatus is { } status ? $"closed with {(int)status}" : "closed");
            await CloseOutputAsync();
        }
        catch (Exception e) when (IsGone(e) || e is PhoenixException)
        {
            End(e.Message);
            _socket.Abort();
        }
    }

    /// <summary>Begins the closing handshake, or completes it: a server that stops waits for that.</summary>
    private async Task CloseOutputAsync()
    {
        await _sending.WaitAsync();
        try
        {
            await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        }
        catch (Exception e) when (IsGone(e))
        {
            // It has ended already, which is what was wanted.
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task<bool> ReceiveOneAsync()
    {
        // Waiting with an empty buffer: thousands of idle connections hold no memory to read into.
        var result = await _socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None);
        if (result.MessageType == WebSocketMessageType.Close)
        {
            return false;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            var length = 0;
            while (!result.EndOfMessage)
            {
                if (length == buffer.Length)
                {
                    var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                    buffer.CopyTo(larger, 0);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }

                result = await _socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                length += result.Count;
            }

            Interlocked.Increment(ref _received);
            Interlocked.Add(ref _bytes, length);
            if (result.MessageType == WebSocketMessageType.Text)
            {
                Handle(PhoenixMessage.Read(buffer.AsMemory(0, length)));
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Handle(PhoenixMessage message)
    {
        if (message.Event == "phx_reply")
        {
            if (message.Ref is { } reference && _pending.TryRemove(reference, out var waiting))
            {
                waiting.TrySetResult(PhoenixReply.Of(message.Payload));
            }

            return;
        }

        foreach (var channel in _channels.Values)
        {
            if (channel.Topic == message.Topic && (message.JoinRef is null || message.JoinRef == channel.JoinRef))
            {
                channel.Hear(message);
            }
        }
    }

    private async Task BeatAsync()
    {
        try
        {
            await AskAsync(null, NextRef(), "phoenix", "heartbeat", null);
        }
        catch (PhoenixException)
        {
            // Without an answer the other side is gone, whatever the connection says.
            Abort();
        }
    }

    private void End(string reason)
    {
        if (!_closed.TrySetResult(reason))
        {
            return;
        }

        // The timer may be missing still if the connection ended within the constructor.
        _heartbeat?.Dispose();
        foreach (var (reference, waiting) in _pending)
        {
            _pending.TryRemove(reference, out _);
            waiting.TrySetException(new PhoenixException($"The connection has ended: {reason}."));
        }
    }

    private static Uri Endpoint(Uri address, PhoenixOptions options)
    {
        var scheme = address.Scheme switch
        {
            "http" => "ws",
            "https" => "wss",
            var other => other,
        };
        var query = new StringBuilder("vsn=2.0.0");
        foreach (var (name, value) in options.Parameters)
        {
            query.Append('&').Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));
        }

        return new UriBuilder(address)
        {
            Scheme = scheme,
            Path = address.AbsolutePath.TrimEnd('/') + "/websocket",
            Query = query.ToString(),
        }.Uri;
    }

    private static string Shown(Uri address) => address.GetLeftPart(UriPartial.Path);

    private static bool IsGone(Exception e) => e is WebSocketException or OperationCanceledException or IOException
        or ObjectDisposedException or InvalidOperationException;
}
