using Presence.Crdt;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Cluster;

/// <summary>The time of the last contact of each shard with each replica, on the clock of one node.</summary>
internal sealed class ContactTimes
{
    private readonly Dictionary<(TrackerShard, ReplicaId), TimeSpan> _last = [];

    /// <summary>Records a frame, a probe or an answer from the replica.</summary>
    public void From(TrackerShard shard, ReplicaId replica, TimeSpan now) => _last[(shard, replica)] = now;

    /// <summary>Returns the last contact, or null if there was none.</summary>
    public TimeSpan? Last(TrackerShard shard, ReplicaId replica) =>
        _last.TryGetValue((shard, replica), out var last) ? last : null;
}
