using Presence.Channels;
using Presence.Dashboard.Cluster;
using Presence.Dashboard.SignIn;

namespace Presence.Dashboard.Live;

/// <summary>Socket <c>/admin_socket</c>, for clients with an admin token.</summary>
internal sealed class AdminSocket(PresenceDashboardTokens tokens, AdminAudit audit) : PresenceSocket
{
    /// <summary>Gets the ID of all admin connections for <see cref="IChannelBroadcaster.Disconnect"/>.</summary>
    public override string? Id => "admin_socket";

    public static void Routes(SocketRoutes routes) => routes
        .Channel<ClusterChannel>(ClusterMonitor.Topic, NoGrace)
        .Channel<TopicChannel>(TopicChannel.Prefix + "*", NoGrace);

    /// <summary>What an administrator tracks is for trying, and ends with the connection.</summary>
    public static void NoGrace(ChannelRouteOptions route) => route.Grace = TimeSpan.Zero;

    protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect)
    {
        if (tokens.TryRead(connect.Token, out var expires))
        {
            Token = Until(expires);
            return new(ConnectResult.Accepted);
        }

        audit.Rejected(connect.Http, "", "token");
        return new(ConnectResult.Rejected);
    }

    protected override ValueTask<SocketToken?> RenewAsync(string accessToken) =>
        new(tokens.TryRead(accessToken, out var expires) ? Until(expires) : null);

    private static SocketToken Until(DateTimeOffset expires) => new("presence.admin", DateTimeOffset.MinValue, expires);
}
