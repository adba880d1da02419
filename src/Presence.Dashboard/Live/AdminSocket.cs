using Presence.Channels;

namespace Presence.Dashboard;

/// <summary><c>/admin_socket</c>: whoever holds an admin token, and nobody else.</summary>
internal sealed class AdminSocket(PresenceAdminTokens tokens) : PresenceSocket
{
    /// <summary>Closes the connections of all admins, through <see cref="IChannelBroadcaster.Disconnect"/>.</summary>
    public override string? Id => "admin_socket";

    public static void Routes(SocketRoutes routes) => routes
        .Channel<CartTrackerChannel>("admin:cart_tracker")
        .Channel<StatsChannel>("admin:stats")
        .Channel<StatsChannel>("admin:live")
        .Channel<ClusterChannel>(ClusterWatch.Topic)
        .Channel<TopicChannel>(TopicChannel.Prefix + "*");

    protected override ValueTask<ConnectResult> ConnectAsync(SocketConnect connect) =>
        new(tokens.IsValid(connect.Token) ? ConnectResult.Accept : ConnectResult.Refuse);
}
