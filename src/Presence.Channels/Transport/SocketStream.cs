using System.Buffers;
using Presence.Channels.Wire;

namespace Presence.Channels.Transport;

/// <summary>
/// The stream below one WebSocket. It also accepts encoded frames, so that a broadcast is encoded once, and combines
/// consecutive small writes into one.
/// </summary>
/// <remarks>
/// Two writers use it, each with one write at a time: the WebSocket (pongs, closes) and the transport.
/// </remarks>
internal class SocketStream(Stream connection, bool acceptsFrames) : Stream
{
    private const int MaxBuffered = 16 * 1024;

    private readonly Lock _gate = new();
    private bool _isCorked;
    private byte[]? _buffer;
    private int _buffered;
    private FrameCounter _frames;

    // The last write that did not complete at once, and the writes after it.
    private Task _writing = Task.CompletedTask;

    public override bool CanRead => true;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>
    /// Sets what to call before each read. The WebSocket reads again when it has handled a frame, so it is called after
    /// every frame: pings too, which the WebSocket answers itself.
    /// </summary>
    public Action? Reading { private get; set; }

    /// <summary>
    /// Sets what gets the number of frames and bytes that were read; a task delays the WebSocket. Frames are counted
    /// here because the WebSocket handles pings and parts of messages itself.
    /// </summary>
    public Func<int, int, Task?>? Received { private get; set; }

    /// <summary>Sets whether more writes follow at once; until then, writes are buffered.</summary>
    public void Cork(bool more) => _isCorked = more;

    /// <summary>Records that the client has sent something, so it has got the upgrade response.</summary>
    public virtual void OnReceived()
    {
    }

    /// <summary>Writes a whole frame.</summary>
    /// <returns>False, with nothing written, if the WebSocket must send the frame.</returns>
    public bool TryWriteFrame(ReadOnlyMemory<byte> frame, out ValueTask writing)
    {
        var accepts = acceptsFrames && !frame.IsEmpty;
        writing = accepts ? WriteAsync(frame) : default;
        return accepts;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_buffered + buffer.Length > MaxBuffered)
            {
                SendBuffer();
            }

            if ((!_isCorked && _buffered == 0) || buffer.Length > MaxBuffered)
            {
                Send(buffer, null);
            }
            else
            {
                _buffer ??= ArrayPool<byte>.Shared.Rent(MaxBuffered);
                buffer.CopyTo(_buffer.AsMemory(_buffered));
                _buffered += buffer.Length;
                if (_isCorked)
                {
                    return default;
                }

                SendBuffer();
            }

            return _writing.IsCompletedSuccessfully ? default : new(_writing);
        }
    }

    // Each write to the connection is flushed.
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Reading?.Invoke();
        var reading = connection.ReadAsync(buffer, cancellationToken);

        // An idle socket waits with an empty buffer, without a state machine.
        return buffer.IsEmpty || Received is null ? reading : MeterAsync(reading, buffer);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            connection.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Sends bytes, which must not change until it completes. One call at a time.</summary>
    protected virtual ValueTask SendAsync(ReadOnlyMemory<byte> bytes) => connection.WriteAsync(bytes);

    private async ValueTask<int> MeterAsync(ValueTask<int> reading, Memory<byte> buffer)
    {
        var read = await reading;
        if (Received!(_frames.Count(buffer.Span[..read]), read) is { } wait)
        {
            await wait;
        }

        return read;
    }

    private void SendBuffer()
    {
        if (_buffer is { } rented)
        {
            var length = _buffered;
            (_buffer, _buffered) = (null, 0);
            Send(rented.AsMemory(0, length), rented);
        }
    }

    // Returns the rented array to the pool when the bytes are sent.
    private void Send(ReadOnlyMemory<byte> bytes, byte[]? rented)
    {
        if (!_writing.IsCompletedSuccessfully)
        {
            _writing = SendAfterAsync(_writing, bytes, rented);
            return;
        }

        var sending = SendAsync(bytes);
        if (sending.IsCompletedSuccessfully)
        {
            sending.GetAwaiter().GetResult();
            Return(rented);
        }
        else
        {
            _writing = ReturnAfterAsync(sending.AsTask(), rented);
        }
    }

    private async Task SendAfterAsync(Task before, ReadOnlyMemory<byte> bytes, byte[]? rented)
    {
        await before;
        await ReturnAfterAsync(SendAsync(bytes).AsTask(), rented);
    }

    private static async Task ReturnAfterAsync(Task writing, byte[]? rented)
    {
        await writing;
        Return(rented);
    }

    private static void Return(byte[]? rented)
    {
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
