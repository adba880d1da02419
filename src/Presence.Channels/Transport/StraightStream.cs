using System.Buffers;
using System.Net.Sockets;

namespace Presence.Channels;

/// <summary>
/// The stream below one WebSocket. It reads through the web server, and writes past it, straight to the operating system: the server's
/// way, a pipe that a second task empties, costs more than the message itself when one message goes to thousands.
/// </summary>
/// <remarks>
/// There are two who write, each one thing at a time: the WebSocket above, its answers to pings and closes included, and the
/// transport beside it, with frames that are whole already.
/// </remarks>
internal sealed class StraightStream(Stream inner, Socket socket, bool takesFrames) : Stream
{
    private const int HoldUpTo = 16 * 1024;

    private SpinLock _gate = new(enableThreadOwnerTracking: false);
    private Way _way;
    private volatile bool _heard;
    private volatile bool _more;
    private byte[]? _held;
    private int _heldLength;

    /// <summary>What the system did not take at once, and what came after that.</summary>
    private Task _rest = Task.CompletedTask;

    /// <summary>How bytes leave, decided by the first: a second way in the middle could overtake the first.</summary>
    private enum Way
    {
        Undecided,
        ThroughTheServer,
        Straight,
    }

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

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        TryWrite(buffer, out var writing) ? writing : inner.WriteAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) =>
        _way == Way.Straight ? Task.CompletedTask : inner.FlushAsync(cancellationToken);

    /// <summary>Writes a frame that is whole.</summary>
    /// <returns>False, with nothing written, if it has to go through the WebSocket above.</returns>
    public bool TryWriteFrame(ReadOnlyMemory<byte> frame, out ValueTask writing)
    {
        writing = default;
        return takesFrames && !frame.IsEmpty && TryWrite(frame, out writing);
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
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool TryWrite(ReadOnlyMemory<byte> bytes, out ValueTask writing)
    {
        var entered = false;
        try
        {
            _gate.Enter(ref entered);
            if (_way == Way.Undecided)
            {
                Decide();
            }

            writing = _way == Way.Straight ? Write(bytes) : default;
            return _way == Way.Straight;
        }
        finally
        {
            if (entered)
            {
                _gate.Exit();
            }
        }
    }

    private void Decide()
    {
        _way = _heard ? Way.Straight : Way.ThroughTheServer;
        if (_heard)
        {
            // So that a write into a full buffer says so, and does not wait on this thread.
            socket.Blocking = false;
        }
    }

    private ValueTask Write(ReadOnlyMemory<byte> bytes)
    {
        if (_heldLength + bytes.Length > HoldUpTo)
        {
            Release();
        }

        if ((_more || _heldLength > 0) && bytes.Length <= HoldUpTo)
        {
            _held ??= ArrayPool<byte>.Shared.Rent(HoldUpTo);
            bytes.CopyTo(_held.AsMemory(_heldLength));
            _heldLength += bytes.Length;
            if (_more)
            {
                return default;
            }

            Release();
        }
        else
        {
            Send(bytes, null);
        }

        return _rest.IsCompletedSuccessfully ? default : new(_rest);
    }

    private void Release()
    {
        if (_held is { } held)
        {
            var length = _heldLength;
            (_held, _heldLength) = (null, 0);
            Send(held.AsMemory(0, length), held);
        }
    }

    /// <param name="bytes">What to send.</param>
    /// <param name="rented">Where it lies, if that goes back to the pool.</param>
    private void Send(ReadOnlyMemory<byte> bytes, byte[]? rented)
    {
        if (!_rest.IsCompletedSuccessfully)
        {
            _rest = SendAfterAsync(_rest, bytes, rented);
            return;
        }

        var sent = socket.Send(bytes.Span, SocketFlags.None, out var error);
        if (error is not (SocketError.Success or SocketError.WouldBlock))
        {
            _rest = Task.FromException(Broken(error));
        }
        else if (sent < bytes.Length)
        {
            _rest = SendAfterAsync(Task.CompletedTask, bytes[sent..], rented);
        }
        else
        {
            Return(rented);
        }
    }

    private async Task SendAfterAsync(Task before, ReadOnlyMemory<byte> bytes, byte[]? rented)
    {
        await before;
        try
        {
            while (!bytes.IsEmpty)
            {
                bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None)..];
            }
        }
        catch (SocketException e)
        {
            throw Broken(e.SocketErrorCode);
        }

        Return(rented);
    }

    private static IOException Broken(SocketError error) => new($"The connection broke: {error}.", new SocketException((int)error));

    private static void Return(byte[]? rented)
    {
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
