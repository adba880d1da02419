using Presence.Channels;

namespace Presence.Silo;

/// <summary><c>/socket</c>: anyone may connect.</summary>
internal sealed class OpenSocket : PresenceSocket
{
    protected override ValueTask<ConnectResult> ConnectAsync(SocketConnect connect) => new(ConnectResult.Accept);
}
