using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Presence.Channels.Presences;
using Presence.Channels.Sessions;
using Presence.Channels.Tokens;
using Presence.Channels.Transport;
using Presence.Node;
using Presence.Node.PubSub;
using Presence.Node.Telemetry;

namespace Presence.Channels.Runtime;

/// <summary>Services shared by the sockets and channels of one node.</summary>
internal sealed class ChannelServer : IDisposable
{
    public ChannelServer(
        IPresenceNode node,
        IOptions<ChannelLimits> limits,
        IOptions<ChannelSessionOptions> sessions,
        ResumeTokens resumeTokens,
        ChannelInstruments instruments,
        ILogger<ChannelServer> log,
        TimeProvider time,
        IServiceProvider services)
    {
        Node = node;
        node.Tracker.KeepHistory();
        Limits = limits.Value;
        Waiting = new WaitingBytes(Limits);
        Handshakes = new HandshakeRate(Limits);
        Load = new NodeLoad(Limits, time);
        instruments.Observe(Waiting);
        Grace = sessions.Value.Grace;
        ResumeTokens = resumeTokens;
        Instruments = instruments;
        Log = new ChannelLog(log, time);
        Time = time;
        Services = services;
        Revocations = services.GetService<SocketRevocations>();
        Activity = services.GetService<ChannelActivity>();
        SlowConsumers = services.GetService<SlowConsumers>();
        Presences = services.GetService<RouteTable>()?.Presences.Create(services) ?? [];
        Topics = new TopicRegistry(this);
        Feeds = new PresenceFeeds(this);
        Broadcaster = new ChannelBroadcaster(node.PubSub);
        Sockets = new SocketRegistry(this);
        if (Revocations is not null)
        {
            Revocations.Changed = Sockets.CheckTokens;
        }
    }

    public IPresenceNode Node { get; }
    public ChannelLimits Limits { get; }
    public ChannelInstruments Instruments { get; }
    public ChannelLog Log { get; }

    /// <summary>Gets the grace of channels whose route has none of its own.</summary>
    public TimeSpan Grace { get; }

    public ResumeTokens ResumeTokens { get; }
    public TimeProvider Time { get; }
    public IServiceProvider Services { get; }
    public SocketRevocations? Revocations { get; }
    public ChannelActivity? Activity { get; }
    public SlowConsumers? SlowConsumers { get; }
    public IReadOnlyList<PresenceRoute> Presences { get; }
    public TopicRegistry Topics { get; }
    public PresenceFeeds Feeds { get; }
    public ChannelBroadcaster Broadcaster { get; }
    public SocketRegistry Sockets { get; }
    public WaitingBytes Waiting { get; }
    public HandshakeRate Handshakes { get; }
    public NodeLoad Load { get; }
    public SocketWriteScheduler Writers { get; } = new();

    /// <summary>Gets what a channel that broadcasts waits for; null unless many broadcasts wait on this node.</summary>
    public Task? Congestion => (Node.PubSub as ClusterPubSub)?.Congestion;

    /// <summary>Gets whether the node stops: it accepts no clients and sends no more changes.</summary>
    public bool IsLeaving =>
        Sockets.Draining || Node.State is NodeState.Draining or NodeState.Stopped or NodeState.Failed;

    /// <summary>Returns what fetches fields for the presences of a topic; null if nothing does.</summary>
    public PresenceRoute? FetchOf(string topic) =>
        Presences.FirstOrDefault(route => route.Fetches && route.Topics.Matches(topic));

    public void Dispose()
    {
        Sockets.Dispose();
        Handshakes.Dispose();
        Load.Dispose();
    }
}
