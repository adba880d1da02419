using Presence.Channels;

namespace Presence.Samples;

/// <summary>A socket that anyone may open; the samples map it at <c>/socket</c>.</summary>
public sealed class AnyoneSocket : PresenceSocket
{
    /// <inheritdoc/>
    protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect) =>
        new(ConnectResult.Accepted);
}
