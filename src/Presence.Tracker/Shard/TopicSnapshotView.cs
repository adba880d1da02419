using Presence.Crdt;

namespace Presence.Tracker.Shard;

/// <summary>A topic and the clocks of all replicas at one moment. Immutable.</summary>
/// <param name="Known">The clocks.</param>
/// <param name="Snapshot">The topic, at least as new as the clocks.</param>
internal sealed record TopicSnapshotView(VersionVector Known, TopicSnapshot Snapshot)
{
    /// <summary>Gets the version of the last diff up to it, where a reader has set it.</summary>
    public long Version { get; init; }
}

/// <summary>The sequence number up to which a shard knows each replica without a gap. Immutable.</summary>
/// <param name="Local">The local replica, which is always known completely.</param>
/// <param name="Others">The known replicas of other nodes, at most one per node.</param>
internal sealed record VersionVector(ReplicaId Local, IReadOnlyList<ReplicaClock> Others)
{
    /// <summary>Gets the vector without replicas.</summary>
    public static VersionVector Empty { get; } = new(new ReplicaId("", 0), []);

    /// <summary>Returns the current vector; this object if nothing has changed.</summary>
    public VersionVector UpTo(ReplicaId local, IReadOnlyCollection<Peer> peers)
    {
        var isSame = local == Local;
        var at = 0;
        foreach (var peer in isSame ? peers : [])
        {
            if (!peer.IsReader)
            {
                isSame &= at < Others.Count && Others[at] == ReplicaClock.Of(peer);
                at++;
            }
        }

        return isSame && at == Others.Count
            ? this
            : new VersionVector(local, [.. peers.Where(p => !p.IsReader).Select(ReplicaClock.Of)]);
    }

    /// <summary>Returns the vector with replicas that other lanes of the same node know.</summary>
    public VersionVector With(IEnumerable<VersionVector> others) =>
        this with { Others = [.. Others, .. others.SelectMany(other => other.Others)] };
}

/// <summary>The clock of a replica of another node.</summary>
/// <param name="Replica">The replica.</param>
/// <param name="Clock">Every event up to this sequence number is known.</param>
/// <param name="IsShown">
/// Whether its presences are visible. Those of a node that is down, or was and recovers, are known and hidden.
/// </param>
internal readonly record struct ReplicaClock(ReplicaId Replica, ulong Clock, bool IsShown)
{
    public static ReplicaClock Of(Peer peer) =>
        new(peer.Replica, peer.Dots.Context.Prefix, peer.IsShown);
}
