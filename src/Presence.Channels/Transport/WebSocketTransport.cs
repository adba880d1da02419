using System.Buffers;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using Presence.Channels.Runtime;
using Presence.Channels.Wire;

namespace Presence.Channels.Transport;

/// <summary>Transports frames over a WebSocket.</summary>
internal sealed class WebSocketTransport(
    ChannelServer server, WebSocket socket, SocketStream? stream, HttpContext? http = null) : SocketTransport
{
    private const int FirstBuffer = 4096;

    private readonly SocketSendQueue _sendQueue = new(server);
    private readonly TaskCompletionSource _closeSent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _sendingSince;
    private long _closingSince;

    public override TimeSpan IdleTimeout => server.Limits.IdleTimeout;
    public override long WaitingBytes => _sendQueue.Bytes;
    public override Backlog? Backlog => _sendQueue.Backlog;
    public override Backlog? Unread => _sendQueue.Unread;

    // Created on first use: an idle socket has none.
    public override CancellationToken Disconnected => http?.RequestAborted ?? default;

    public override void Send(OutFrame frame)
    {
        switch (_sendQueue.Enqueue(frame))
        {
            case SocketSendQueue.EnqueueResult.StartWriter:
                server.Writers.Add(this);
                break;
            case SocketSendQueue.EnqueueResult.Overflow:
                server.Instruments.Dropped("slow_consumer");
                CutOff("slow_consumer");
                break;
        }

        server.Sockets.Relieve();
    }

    public override void Close(int code)
    {
        if (_closingSince == 0)
        {
            Volatile.Write(ref _closingSince, server.Time.GetTimestamp() | 1);
        }

        if (_sendQueue.Close(code) == SocketSendQueue.EnqueueResult.StartWriter)
        {
            server.Writers.Add(this);
        }
    }

    public override bool CutOffIfStuck(long now)
    {
        var closing = Volatile.Read(ref _closingSince);
        if (closing != 0)
        {
            if (server.Time.GetElapsedTime(closing, now) > server.Limits.CloseTimeout)
            {
                CutOff("close_unanswered");
            }

            return true;
        }

        var sending = Volatile.Read(ref _sendingSince);
        if (sending != 0 && server.Time.GetElapsedTime(sending, now) > server.Limits.SendTimeout)
        {
            CutOff("send_timeout");
            return true;
        }

        return false;
    }

    /// <summary>Reads until the client has closed or the connection fails.</summary>
    public async Task RunAsync(SocketConnection connection)
    {
        if (stream is not null)
        {
            stream.Reading = connection.Touch;
            stream.Received = connection.SlowDownAsync;
        }

        try
        {
            while (await ReadOneAsync(connection))
            {
            }

            Close(CloseCodes.Normal);
            await _closeSent.Task.WaitAsync(server.Limits.CloseTimeout, server.Time);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or TimeoutException
            or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The connection failed or was aborted. Its channels end as after a clean close.
        }
        finally
        {
            _sendQueue.Abort();
            socket.Abort();
        }
    }

    public void Write() => _ = WriteAsync();

    private async Task WriteAsync()
    {
        try
        {
            while (_sendQueue.TryDequeue(out var frame, out var closeCode, out var more))
            {
                stream?.Cork(more);
                Volatile.Write(ref _sendingSince, server.Time.GetTimestamp() | 1);
                if (frame is null)
                {
                    await socket.CloseOutputAsync((WebSocketCloseStatus)closeCode, null, CancellationToken.None);
                    _closeSent.TrySetResult();
                }
                else
                {
                    await SendAsync(frame);
                }

                Volatile.Write(ref _sendingSince, 0);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException
            or ObjectDisposedException or InvalidOperationException)
        {
            _sendQueue.Abort();
            _closeSent.TrySetResult();
            socket.Abort();
        }
    }

    private ValueTask SendAsync(OutFrame frame) =>
        stream?.TryWriteFrame(frame.OnWebSocket, out var writing) == true ? writing : SendPartsAsync(frame);

    private async ValueTask SendPartsAsync(OutFrame frame)
    {
        var type = frame.IsBinary ? WebSocketMessageType.Binary : WebSocketMessageType.Text;
        await socket.SendAsync(frame.Head, type, endOfMessage: frame.Body.IsEmpty, CancellationToken.None);
        if (!frame.Body.IsEmpty)
        {
            await socket.SendAsync(frame.Body, type, endOfMessage: true, CancellationToken.None);
        }
    }

    /// <returns>False if the client has closed.</returns>
    private async ValueTask<bool> ReadOneAsync(SocketConnection connection)
    {
        // The wait uses an empty buffer: an idle client holds no receive buffer.
        var first = await socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None);
        stream?.OnReceived();
        if (first.MessageType == WebSocketMessageType.Close)
        {
            return false;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(Math.Min(FirstBuffer, server.Limits.MaxFrameBytes + 1));
        var held = 0;
        try
        {
            var length = 0;
            var result = first;
            while (!result.EndOfMessage)
            {
                if (length == buffer.Length)
                {
                    FrameBuffer.GrowRented(ref buffer, server.Limits.MaxFrameBytes);
                }

                if (length > 0 && held != buffer.Length)
                {
                    // The client has not sent the rest of its frame yet.
                    connection.Hold(buffer.Length - held);
                    held = buffer.Length;
                }

                result = await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return false;
                }

                length += result.Count;
                if (length > server.Limits.MaxFrameBytes)
                {
                    return await RejectAsync();
                }
            }

            if (stream is null && connection.SlowDownAsync(1, length) is { } wait)
            {
                await wait;
            }

            if (!_sendQueue.IsClosed)
            {
                var isBinary = result.MessageType == WebSocketMessageType.Binary;
                await connection.ReceiveAsync(buffer.AsMemory(0, length), isBinary);
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            connection.Release(held);
        }
    }

    /// <summary>Closes with 1009 and ignores what the client still sends.</summary>
    private async ValueTask<bool> RejectAsync()
    {
        server.Instruments.Closed("frame_too_big");
        Close(CloseCodes.TooBig);
        var ignored = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            // Until the client answers the close, or the sweep aborts the connection.
            while ((await socket.ReceiveAsync(ignored.AsMemory(), CancellationToken.None)).MessageType
                != WebSocketMessageType.Close)
            {
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(ignored);
        }

        return false;
    }

    public override void CutOff(string reason)
    {
        server.Instruments.Closed(reason);
        Connection?.ReportSlow(reason);
        _sendQueue.Abort();
        _closeSent.TrySetResult();

        // Not on this thread: it may hold a topic's lock, and Abort runs the reader's continuation.
        ThreadPool.UnsafeQueueUserWorkItem(static socket => socket.Abort(), socket, preferLocal: false);
    }
}
