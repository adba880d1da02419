using System.Buffers;
using System.Net.Sockets;

namespace Presence.Channels;

/// <summary>
/// The stream below one WebSocket. It reads through the web server, and writes past it, straight to the operating system: the server's
/// way, a pipe that a second task empties, costs more than the message itself when one message goes to thousands.
/// </summary>
/// <remarks>The WebSocket above lets one write happen at a time, its own answers to pings and closes included.</remarks>
internal sealed class StraightStream(Stream inner, Socket socket) : Stream
{
    private const int HoldUpTo = 16 * 1024;

    private volatile bool _heard;
    private volatile bool _more;
    private bool? _straight;
    private byte[]? _held;
    private int _heldLength;

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
    /// The client has sent something, so it has the answer to its upgrade: until then that answer may still lie in the web server's pipe,
    /// and nothing may overtake it.
    /// </summary>
    public void Heard() => _heard = true;

    /// <summary>Whether more follows at once: what is written meanwhile goes to the system together.</summary>
    public void Hold(bool more) => _more = more;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        inner.ReadAsync(buffer, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // Decided once: a second way in the middle of the connection could overtake the first.
        if (!(_straight ??= TakeOver()))
        {
            return inner.WriteAsync(buffer, cancellationToken);
        }

        if (!_more && _heldLength == 0)
        {
            return WriteStraightAsync(buffer, null);
        }

        return _heldLength + buffer.Length <= HoldUpTo ? Append(buffer.Span) : ReleaseBeforeAsync(buffer);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) =>
        _straight == true ? Task.CompletedTask : inner.FlushAsync(cancellationToken);

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
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool TakeOver()
    {
        if (!_heard)
        {
            return false;
        }

        // So that a write into a full buffer says so, and does not wait on this thread.
        socket.Blocking = false;
        return true;
    }

    private ValueTask Append(ReadOnlySpan<byte> bytes)
    {
        _held ??= ArrayPool<byte>.Shared.Rent(HoldUpTo);
        bytes.CopyTo(_held.AsSpan(_heldLength));
        _heldLength += bytes.Length;
        return _more ? default : ReleaseAsync();
    }

    private ValueTask ReleaseAsync()
    {
        if (_held is not { } held)
        {
            return default;
        }

        var length = _heldLength;
        (_held, _heldLength) = (null, 0);
        return WriteStraightAsync(held.AsMemory(0, length), held);
    }

    private async ValueTask ReleaseBeforeAsync(ReadOnlyMemory<byte> buffer)
    {
        await ReleaseAsync();
        await WriteStraightAsync(buffer, null);
    }

    /// <param name="bytes">What to write.</param>
    /// <param name="rented">Where it lies, if that goes back to the pool.</param>
    private ValueTask WriteStraightAsync(ReadOnlyMemory<byte> bytes, byte[]? rented)
    {
        var sent = socket.Send(bytes.Span, SocketFlags.None, out var error);
        if (error is not (SocketError.Success or SocketError.WouldBlock))
        {
            return ValueTask.FromException(new IOException($"The connection broke: {error}.", new SocketException((int)error)));
        }

        if (sent < bytes.Length)
        {
            return WriteRestAsync(bytes[sent..], rented);
        }

        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return default;
    }

    private async ValueTask WriteRestAsync(ReadOnlyMemory<byte> rest, byte[]? rented)
    {
        try
        {
            while (!rest.IsEmpty)
            {
                rest = rest[await socket.SendAsync(rest, SocketFlags.None)..];
            }
        }
        catch (SocketException e)
        {
            throw new IOException($"The connection broke: {e.SocketErrorCode}.", e);
        }

        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
