using System.Buffers;
using System.Buffers.Text;
using System.Net.WebSockets;
using System.Text;

namespace Presence.Client;

internal sealed class WebSocketConnection : IPhoenixConnection, IDisposable
{
    private const int FirstBuffer = 4096;

    // Shared: one handler each would cost more than the connection itself.
    private static readonly HttpMessageInvoker Http =
        new(new SocketsHttpHandler { UseProxy = false, UseCookies = false });

    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly int _maxBytes;

    private WebSocketConnection(int maxBytes)
    {
        _maxBytes = maxBytes;
        // The protocol has heartbeats of its own.
        _socket.Options.KeepAliveInterval = Timeout.InfiniteTimeSpan;
        _socket.Options.CollectHttpResponseDetails = true;
    }

    /// <exception cref="PhoenixException">The server does not answer, or rejects the connection.</exception>
    public static async Task<WebSocketConnection> OpenAsync(
        Uri address, PhoenixOptions options, CancellationToken cancellation)
    {
        var connection = new WebSocketConnection(options.MaxMessageBytes);
        var socket = connection._socket;
        if (options.AuthToken is { } token)
        {
            socket.Options.AddSubProtocol("phoenix");
            socket.Options.AddSubProtocol(
                "base64url.bearer.phx." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(token)));
        }

        using var timeout = new CancellationTokenSource(options.Timeout, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            await socket.ConnectAsync(Endpoint(address, options), Http, either.Token).ConfigureAwait(false);
            return connection;
        }
        catch (Exception e) when (e is WebSocketException or HttpRequestException or IOException
            || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            var (status, shown) = ((int)socket.HttpStatusCode, address.GetLeftPart(UriPartial.Path));
            var reason = e is OperationCanceledException ? "no answer in time" : e.GetBaseException().Message;
            connection.Dispose();
            throw new PhoenixException(
                status == 0
                    ? $"{shown} does not answer: {reason}"
                    : $"{shown} rejects the connection with status {status}",
                e);
        }
    }

    /// <summary>Receives until the connection has ended.</summary>
    public async Task RunAsync(PhoenixSocket receiver)
    {
        try
        {
            while (await ReceiveOneAsync(receiver).ConfigureAwait(false))
            {
            }

            receiver.End(_socket.CloseStatus is { } status ? $"closed with {(int)status}" : "closed");
            // A server that stops waits for the answer to its close.
            await CloseAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (IsGone(e) || e is PhoenixException)
        {
            receiver.End(e.Message);
            Abort();
        }
    }

    public async Task SendAsync(PhoenixFrame frame)
    {
        var type = frame.IsBinary ? WebSocketMessageType.Binary : WebSocketMessageType.Text;
        await _sending.WaitAsync().ConfigureAwait(false);
        try
        {
            await _socket.SendAsync(frame.Bytes, type, true, CancellationToken.None).ConfigureAwait(false);
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

    public async Task CloseAsync()
    {
        await _sending.WaitAsync().ConfigureAwait(false);
        try
        {
            await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (IsGone(e))
        {
            // It has ended already.
        }
        finally
        {
            _sending.Release();
        }
    }

    public void Abort() => Dispose();

    public void Dispose()
    {
        _socket.Abort();
        _socket.Dispose();
    }

    private async Task<bool> ReceiveOneAsync(PhoenixSocket receiver)
    {
        // Waits with an empty buffer: thousands of idle connections hold no memory to read into.
        var result = await _socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None).ConfigureAwait(false);
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

                var free = buffer.AsMemory(length);
                result = await _socket.ReceiveAsync(free, CancellationToken.None).ConfigureAwait(false);
                length += result.Count;
                if (length > _maxBytes)
                {
                    throw new PhoenixException($"The server sent a message of more than {_maxBytes} bytes.");
                }
            }

            receiver.Receive(new(buffer.AsMemory(0, length), result.MessageType == WebSocketMessageType.Binary));
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static Uri Endpoint(Uri address, PhoenixOptions options)
    {
        var parameters = options.Parameters.Select(p =>
            $"&{Uri.EscapeDataString(p.Key)}={Uri.EscapeDataString(p.Value)}");
        return new UriBuilder(address)
        {
            Scheme = address.Scheme switch { "http" => "ws", "https" => "wss", var other => other },
            Path = address.AbsolutePath.TrimEnd('/') + "/websocket",
            Query = "vsn=2.0.0" + string.Concat(parameters),
        }.Uri;
    }

    private static bool IsGone(Exception e) => e is WebSocketException or OperationCanceledException or IOException
        or ObjectDisposedException or InvalidOperationException;
}
