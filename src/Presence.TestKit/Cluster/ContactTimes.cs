using Presence.Crdt;

namespace Presence.TestKit;

/// <summary>The time of the last contact with each replica, on the clock of one node.</summary>
internal sealed class ContactTimes
{
    private readonly Dictionary<ReplicaId, TimeSpan> _last = [];

    /// <summary>Records a frame, a probe or an answer from the replica.</summary>
    public void From(ReplicaId replica, TimeSpan now) => _last[replica] = now;

    /// <summary>Returns the last contact, or null if there was none.</summary>
    public TimeSpan? Last(ReplicaId replica) => _last.TryGetValue(replica, out var last) ? last : null;
}
