using System.Buffers;
using System.Net.WebSockets;

namespace Presence.Channels;

/// <summary>Frames over a WebSocket.</summary>
internal sealed class WebSocketTransport(ChannelServer server, WebSocket socket, SocketStream? stream) : SocketTransport
{
    private const int FirstBuffer = 4096;

    private readonly Outbox _outbox = new(server.Limits.MaxOutboxFrames, server.Limits.MaxOutboxBytes);
    private readonly TaskCompletionSource _closeSent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _sendingSince;
    private long _closingSince;

    public override TimeSpan IdleTimeout => server.Limits.IdleTimeout;

    public override void Send(OutFrame frame)
    {
        switch (_outbox.Add(frame))
        {
            case Outbox.Added.StartWriter:
                server.Writers.Add(this);
                break;
            case Outbox.Added.Overflow:
                server.Instruments.Dropped("slow_consumer");
                CutOff("slow_consumer");
                break;
        }
    }

    public override void Close(int code)
    {
        if (_closingSince == 0)
        {
            Volatile.Write(ref _closingSince, server.Time.GetTimestamp() | 1);
        }

        if (_outbox.Close(code) == Outbox.Added.StartWriter)
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

    /// <summary>Reads until the client is gone.</summary>
    public async Task RunAsync(SocketSession session)
    {
        try
        {
            while (await ReadOneAsync(session))
            {
            }

            Close(CloseCodes.Normal);
            await _closeSent.Task.WaitAsync(server.Limits.CloseTimeout, server.Time);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or TimeoutException
            or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The connection broke or was cut off. Its channels end the same way as after a clean close.
        }
        finally
        {
            _outbox.Abort();
            socket.Abort();
        }
    }

    /// <summary>Sends what is queued.</summary>
    public void Write() => _ = WriteAsync();

    private async Task WriteAsync()
    {
        try
        {
            while (_outbox.TryTake(out var frame, out var closeCode, out var more))
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
            _outbox.Abort();
            _closeSent.TrySetResult();
            socket.Abort();
        }
    }

    private ValueTask SendAsync(OutFrame frame) =>
        stream is not null && stream.TryWriteFrame(frame.OnWebSocket, out var writing) ? writing : SendPartsAsync(frame);

    private async ValueTask SendPartsAsync(OutFrame frame)
    {
        var type = frame.IsBinary ? WebSocketMessageType.Binary : WebSocketMessageType.Text;
        await socket.SendAsync(frame.Head, type, endOfMessage: frame.Body.IsEmpty, CancellationToken.None);
        if (!frame.Body.IsEmpty)
        {
            await socket.SendAsync(frame.Body, type, endOfMessage: true, CancellationToken.None);
        }
    }

    /// <returns>False once the client has closed.</returns>
    private async ValueTask<bool> ReadOneAsync(SocketSession session)
    {
        // Waiting with an empty buffer: an idle client holds no memory to read into.
        var first = await socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None);
        stream?.OnReceived();
        if (first.MessageType == WebSocketMessageType.Close)
        {
            return false;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(Math.Min(FirstBuffer, server.Limits.MaxFrameBytes + 1));
        try
        {
            var length = 0;
            var result = first;
            while (!result.EndOfMessage)
            {
                if (length == buffer.Length && !TryGrow(ref buffer))
                {
                    return await RefuseAsync();
                }

                result = await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return false;
                }

                length += result.Count;
                if (length > server.Limits.MaxFrameBytes)
                {
                    return await RefuseAsync();
                }
            }

            if (!_outbox.IsShut)
            {
                await session.ReceiveAsync(buffer.AsMemory(0, length), result.MessageType == WebSocketMessageType.Binary);
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private bool TryGrow(ref byte[] buffer)
    {
        if (buffer.Length > server.Limits.MaxFrameBytes)
        {
            return false;
        }

        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(buffer.Length * 2L, server.Limits.MaxFrameBytes + 1L));
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
        return true;
    }

    /// <summary>Closes with 1009 and reads no further: what the client still sends is not worth its cost.</summary>
    private async ValueTask<bool> RefuseAsync()
    {
        server.Instruments.Closed("frame_too_big");
        Close(CloseCodes.TooBig);
        var scrap = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            // Until the client answers the close, or the sweep cuts it off.
            while ((await socket.ReceiveAsync(scrap.AsMemory(), CancellationToken.None)).MessageType
                != WebSocketMessageType.Close)
            {
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scrap);
        }

        return false;
    }

    private void CutOff(string reason)
    {
        server.Instruments.Closed(reason);
        _outbox.Abort();
        _closeSent.TrySetResult();

        // Not on this thread: it may hold a topic's lock, and aborting runs the reader's continuation.
        ThreadPool.UnsafeQueueUserWorkItem(static socket => socket.Abort(), socket, preferLocal: false);
    }
}
