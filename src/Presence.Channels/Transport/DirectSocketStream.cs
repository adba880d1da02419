using System.Net.Sockets;

namespace Presence.Channels.Transport;

/// <summary>
/// A <see cref="SocketStream"/> that bypasses the web server's pipe and writes to the operating system. See
/// <see cref="ChannelOptions.DirectSockets"/>.
/// </summary>
internal sealed class DirectSocketStream(Stream connection, Socket socket, bool acceptsFrames)
    : SocketStream(connection, acceptsFrames)
{
    private volatile bool _hasReceived;

    // Set by the first write: a change of the path could reorder frames.
    private bool? _isDirect;

    // Before the first frame of the client, the upgrade response may still be in the web server's pipe.
    public override void OnReceived() => _hasReceived = true;

    protected override ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        if (_isDirect is null)
        {
            _isDirect = _hasReceived;

            // Non-blocking: a write into a full buffer fails at once instead of blocking this thread.
            socket.Blocking = !_hasReceived;
        }

        if (!_isDirect.Value)
        {
            return base.SendAsync(bytes);
        }

        var sent = socket.Send(bytes.Span, SocketFlags.None, out var error);
        return error is not (SocketError.Success or SocketError.WouldBlock)
            ? ValueTask.FromException(ConnectionFailed(error))
            : sent < bytes.Length ? new(SendRestAsync(bytes[sent..])) : default;
    }

    private async Task SendRestAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None)..];
            }
        }
        catch (SocketException e)
        {
            throw ConnectionFailed(e.SocketErrorCode);
        }
    }

    private static IOException ConnectionFailed(SocketError error) =>
        new($"The connection failed: {error}.", new SocketException((int)error));
}
