using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>
/// Identifies a presence on every node, for as long as it exists: equal for all its versions, also when another node
/// continues the session that owns it. Opaque; to be compared and used as a key.
/// </summary>
public readonly record struct PresenceIdentity
{
    private readonly string _topic;
    private readonly string _key;
    private readonly ReplicaId _owner;
    private readonly ulong _high;
    private readonly ulong _low;

    internal PresenceIdentity(PresenceEntry entry)
    {
        (_topic, _key) = (entry.Topic, entry.Key);
        if (entry.Stamp is { Session: var session })
        {
            (_owner, _high, _low) = (default, session.High, session.Low);
        }
        else
        {
            (_owner, _high, _low) = (entry.Owner, entry.Process, 0);
        }
    }
}
