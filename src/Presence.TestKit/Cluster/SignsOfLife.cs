using Presence.Crdt;

namespace Presence.TestKit;

/// <summary>When a member was last given something that proves another one alive, on its own clock.</summary>
internal sealed class SignsOfLife
{
    private readonly Dictionary<ReplicaId, TimeSpan> _last = [];

    /// <summary>A frame, a probe or the answer to one came from it.</summary>
    public void From(ReplicaId replica, TimeSpan now) => _last[replica] = now;

    /// <summary>The last sign, or null if there was none.</summary>
    public TimeSpan? Last(ReplicaId replica) => _last.TryGetValue(replica, out var last) ? last : null;
}
