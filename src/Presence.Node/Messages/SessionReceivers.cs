using System.Collections.Concurrent;

namespace Presence.Node.Messages;

/// <summary>What receives the messages of this node's sessions.</summary>
internal sealed class SessionReceivers : ISessionLink
{
    private readonly ConcurrentDictionary<ulong, (PresenceSession Session, Func<SessionMessage, bool> Call)>
        _receivers = new();

    /// <summary>Sets the receiver of a session until it ends, is detached or another connection resumes it.</summary>
    public PresenceSession Add(PresenceSession session, Func<SessionMessage, bool>? receiver)
    {
        if (receiver is not null)
        {
            _receivers[session.Id] = (session, receiver);
            if (!session.Link(this))
            {
                Ended(session);
            }
        }

        return session;
    }

    public Func<SessionMessage, bool>? Find(ulong session) =>
        _receivers.TryGetValue(session, out var found) && found.Session.IsAttached ? found.Call : null;

    public void Ended(PresenceSession session) => _receivers.TryRemove(session.Id, out _);
}
