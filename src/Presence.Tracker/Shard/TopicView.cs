using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>A topic at one moment: who was present, and how much was known of every replica. Immutable.</summary>
/// <param name="Known">What was known by then.</param>
/// <param name="Snapshot">Who was present; shows at least what was known.</param>
internal sealed record TopicView(VersionVector Known, TopicSnapshot Snapshot);

/// <summary>How far one shard knew every replica without a gap at one moment. Immutable.</summary>
/// <param name="Local">The replica of this node, of which everything is known.</param>
/// <param name="Others">The replicas of other nodes that are held, at most one for each node.</param>
internal sealed record VersionVector(ReplicaId Local, IReadOnlyList<ReplicaClock> Others)
{
    /// <summary>Knows nobody.</summary>
    public static VersionVector Empty { get; } = new(new ReplicaId("", 0), []);

    /// <summary>Returns the vector of now: this object if nothing has changed.</summary>
    public VersionVector UpTo(ReplicaId local, IReadOnlyCollection<Peer> peers)
    {
        var isSame = local == Local && peers.Count == Others.Count;
        var at = 0;
        foreach (var peer in isSame ? peers : [])
        {
            isSame &= Others[at++] == ReplicaClock.Of(peer);
        }

        return isSame ? this : new VersionVector(local, [.. peers.Select(ReplicaClock.Of)]);
    }
}

/// <summary>How far a replica of another node is known.</summary>
/// <param name="Replica">The node and its incarnation.</param>
/// <param name="Clock">Every event up to this sequence number is known.</param>
/// <param name="IsUp">Whether the node counts as living.</param>
internal readonly record struct ReplicaClock(ReplicaId Replica, ulong Clock, bool IsUp)
{
    public static ReplicaClock Of(Peer peer) => new(peer.Replica, peer.Dots.Context.Prefix, peer.State != PeerState.Down);
}
