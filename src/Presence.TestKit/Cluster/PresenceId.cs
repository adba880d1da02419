using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit.Cluster;

/// <summary>What stays the same when a presence is updated.</summary>
internal readonly record struct PresenceId(ReplicaId Owner, PresenceSlot Slot)
{
    public static PresenceId Of(PresenceEntry entry) => new(entry.Owner, PresenceSlot.Of(entry));

    public override string ToString() => $"{Owner} {Slot}";
}

/// <summary>Process, topic and key: at most one presence of a node at a time.</summary>
internal readonly record struct PresenceSlot(ulong Process, string Topic, string Key)
{
    public static PresenceSlot Of(PresenceEntry entry) => new(entry.Process, entry.Topic, entry.Key);

    public override string ToString() => $"{Topic}/{Key} p{Process}";
}
