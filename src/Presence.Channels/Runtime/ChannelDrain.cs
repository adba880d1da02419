using Presence.Node;

namespace Presence.Channels.Runtime;

/// <summary>Closes the sockets after the node has left, before the web server waits for them.</summary>
internal sealed class ChannelDrain(ChannelServer server) : IDrainParticipant
{
    public Task DrainAsync(CancellationToken cancellation) => server.Sockets.DrainAsync(cancellation);
}
