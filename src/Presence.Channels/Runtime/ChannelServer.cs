using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Presence.Node;

namespace Presence.Channels;

/// <summary>What the sockets and channels of one member share.</summary>
internal sealed class ChannelServer : IDisposable
{
    public ChannelServer(
        IPresenceNode node,
        IOptions<ChannelLimits> limits,
        ChannelInstruments instruments,
        ILogger<ChannelServer> log,
        TimeProvider time,
        IServiceProvider services)
    {
        Node = node;
        Limits = limits.Value;
        Instruments = instruments;
        Log = log;
        Time = time;
        Services = services;
        Activity = services.GetService<ChannelActivity>();
        Presences = services.GetService<RouteTable>()?.Presences.Create(services) ?? [];
        Topics = new TopicTable(this);
        Feeds = new PresenceFeeds(this);
        Broadcaster = new ChannelBroadcaster(node.PubSub);
        Sockets = new SocketTable(this);
    }

    public IPresenceNode Node { get; }

    public ChannelLimits Limits { get; }

    public ChannelInstruments Instruments { get; }

    public ILogger Log { get; }

    public TimeProvider Time { get; }

    public IServiceProvider Services { get; }

    /// <summary>What is under way, if somebody wants to know.</summary>
    public ChannelActivity? Activity { get; }

    /// <summary>Who enriches and hears presences.</summary>
    public IReadOnlyList<PresenceRoute> Presences { get; }

    public TopicTable Topics { get; }

    public PresenceFeeds Feeds { get; }

    public ChannelBroadcaster Broadcaster { get; }

    public SocketTable Sockets { get; }

    public SocketWriters Writers { get; } = new();

    /// <summary>Whether the member is on its way out: it takes no more clients, and tells those it has no more changes.</summary>
    public bool IsLeaving => Sockets.Draining || Node.State is NodeState.Draining or NodeState.Stopped or NodeState.Failed;

    /// <summary>Ends the sweep over the sockets.</summary>
    public void Dispose() => Sockets.Dispose();
}
