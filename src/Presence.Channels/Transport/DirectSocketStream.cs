using System.Net.Sockets;

namespace Presence.Channels;

/// <summary>
/// A <see cref="SocketStream"/> that sends past the web server's pipe, straight to the operating system: less processor time where
/// one message goes to thousands, but nothing that ASP.NET Core supports. See <see cref="ChannelOptions.DirectSockets"/>.
/// </summary>
internal sealed class DirectSocketStream(Stream connection, Socket socket, bool acceptsFrames)
    : SocketStream(connection, acceptsFrames)
{
    private volatile bool _hasReceived;

    /// <summary>Decided by the first write: a second path in the middle could overtake the first.</summary>
    private bool? _isDirect;

    // Until the client has sent something the answer to its upgrade may lie in the web server's pipe; nothing may overtake it.
    public override void OnReceived() => _hasReceived = true;

    protected override ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        if (_isDirect is null)
        {
            _isDirect = _hasReceived;

            // So that a write into a full buffer fails at once and does not wait on this thread.
            socket.Blocking = !_hasReceived;
        }

        if (!_isDirect.Value)
        {
            return base.SendAsync(bytes);
        }

        var sent = socket.Send(bytes.Span, SocketFlags.None, out var error);
        return error is not (SocketError.Success or SocketError.WouldBlock)
            ? ValueTask.FromException(Broken(error))
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
            throw Broken(e.SocketErrorCode);
        }
    }

    private static IOException Broken(SocketError error) =>
        new($"The connection broke: {error}.", new SocketException((int)error));
}
