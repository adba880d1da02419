using Presence.Channels.Runtime;
using Presence.Channels.Wire;
using Presence.Node;

namespace Presence.Channels.Sessions;

/// <summary>
/// A session whose channel has lost its connection: ends it when its user is disconnected
/// (<see cref="IChannelBroadcaster.Disconnect"/>), as the connection would have.
/// </summary>
internal sealed class DetachedSession : IDisposable
{
    private readonly IDisposable _subscription;
    private readonly ITimer _timer;

    private DetachedSession(ChannelServer server, PresenceSession session, string id)
    {
        _subscription = server.Node.PubSub.Subscribe(id, message =>
        {
            if (message.Event == PhoenixEvents.Disconnect)
            {
                // Does nothing if it was resumed meanwhile.
                session.End();
            }
        });
        _timer = server.Time.CreateTimer(
            static self => ((DetachedSession)self!).Dispose(), this, session.Grace, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Detaches a session; its presences stay for its grace.</summary>
    /// <param name="server">The server of its channel.</param>
    /// <param name="session">The session.</param>
    /// <param name="id">The id of the channel's socket, or null.</param>
    public static void Detach(ChannelServer server, PresenceSession session, string? id)
    {
        if (id is not null && !session.IsEnded)
        {
            _ = new DetachedSession(server, session, id);
        }

        session.Detach();
    }

    public void Dispose()
    {
        _subscription.Dispose();
        _timer?.Dispose();
    }
}
