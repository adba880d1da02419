using System.Buffers;

namespace Presence.Channels;

/// <summary>
/// The stream below one WebSocket. It also accepts frames that are encoded already, so that a broadcast is encoded once, and
/// passes small writes that follow each other at once to the web server as one.
/// </summary>
/// <remarks>
/// Two write, each one thing at a time: the WebSocket above, with its answers to pings and closes, and the transport beside it.
/// </remarks>
internal class SocketStream(Stream connection, bool acceptsFrames) : Stream
{
    private const int MaxBuffered = 16 * 1024;

    private readonly Lock _gate = new();
    private bool _isCorked;
    private byte[]? _buffer;
    private int _buffered;

    /// <summary>The last write that the connection did not accept at once, and what waits for it.</summary>
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

    /// <summary>Sets whether more follows at once: what is written meanwhile leaves together with it.</summary>
    public void Cork(bool more) => _isCorked = more;

    /// <summary>Records that the client has sent something, so that it has the answer to its upgrade.</summary>
    public virtual void OnReceived()
    {
    }

    /// <summary>Writes a whole frame.</summary>
    /// <returns>False, with nothing written, if it has to go through the WebSocket above.</returns>
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

    // A write to the connection is flushed with it.
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        connection.ReadAsync(buffer, cancellationToken);

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

    /// <summary>Sends bytes, which stay unchanged until it completes. Called once at a time.</summary>
    protected virtual ValueTask SendAsync(ReadOnlyMemory<byte> bytes) => connection.WriteAsync(bytes);

    private void SendBuffer()
    {
        if (_buffer is { } rented)
        {
            var length = _buffered;
            (_buffer, _buffered) = (null, 0);
            Send(rented.AsMemory(0, length), rented);
        }
    }

    /// <param name="bytes">What to send; unchanged until it is sent.</param>
    /// <param name="rented">The array that goes back to the pool then.</param>
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
            _writing = SentAsync(sending.AsTask(), rented);
        }
    }

    private async Task SendAfterAsync(Task before, ReadOnlyMemory<byte> bytes, byte[]? rented)
    {
        await before;
        await SentAsync(SendAsync(bytes).AsTask(), rented);
    }

    private static async Task SentAsync(Task writing, byte[]? rented)
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
