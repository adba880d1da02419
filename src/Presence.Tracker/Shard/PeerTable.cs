using System.Diagnostics.CodeAnalysis;
using Presence.Crdt;

namespace Presence.Tracker.Shard;

/// <summary>The effect of a contact on the table.</summary>
/// <param name="Before">The previous state of the peer with this node name.</param>
/// <param name="After">The peer now; null if its incarnation has ended.</param>
/// <param name="Replaced">The earlier incarnation that this one replaced, if any.</param>
internal readonly record struct ContactResult(PeerState Before, Peer? After, Peer? Replaced);

/// <summary>The replicas of other nodes, one per node.</summary>
internal sealed class PeerTable(AddWinsMap<PresenceEntry> map, Tombstones tombstones)
{
    private readonly Dictionary<string, Peer> _peers = new(StringComparer.Ordinal);

    public IReadOnlyCollection<Peer> All => _peers.Values;

    public bool TryGet(ReplicaId replica, [MaybeNullWhen(false)] out Peer peer) =>
        _peers.TryGetValue(replica.Node, out peer) && peer.Replica == replica;

    public bool TryGet(string node, [MaybeNullWhen(false)] out Peer peer) => _peers.TryGetValue(node, out peer);

    /// <summary>Records direct contact with a replica.</summary>
    public ContactResult OnContact(ReplicaId replica, TimeSpan now)
    {
        if (tombstones.Covers(replica, now))
        {
            return new(PeerState.Unknown, null, null);
        }

        if (!_peers.TryGetValue(replica.Node, out var peer))
        {
            return new(PeerState.Unknown, Add(replica, now), null);
        }

        if (replica.Incarnation < peer.Replica.Incarnation)
        {
            return new(peer.State, null, null);
        }

        if (replica.Incarnation > peer.Replica.Incarnation)
        {
            return new(peer.State, Add(replica, now), peer);
        }

        var before = peer.State;
        peer.OnContact(now);
        if (before == PeerState.Down)
        {
            peer.State = PeerState.Recovering;
        }

        return new(before, peer, null);
    }

    /// <summary>Returns the highest ended or known incarnation of a name, which its node must exceed.</summary>
    public ReplicaId MaxEnded(ReplicaId replica)
    {
        var last = Math.Max(replica.Incarnation, tombstones.LastOf(replica.Node));
        last = _peers.TryGetValue(replica.Node, out var peer) ? Math.Max(last, peer.Replica.Incarnation) : last;
        return replica with { Incarnation = last };
    }

    /// <summary>Removes a replica; it may come back with an empty state.</summary>
    public void Forget(Peer peer)
    {
        if (_peers.TryGetValue(peer.Replica.Node, out var current) && current == peer)
        {
            _peers.Remove(peer.Replica.Node);
        }

        map.Forget(peer.Replica);
    }

    private Peer Add(ReplicaId replica, TimeSpan now)
    {
        var peer = new Peer(replica, map.Hold(replica), now);
        _peers[replica.Node] = peer;
        return peer;
    }
}

/// <summary>The ended replicas: the highest incarnation by name, for longer than any peer may still hold it.</summary>
internal sealed class Tombstones(TimeSpan period)
{
    /// <summary>Maximum number of names; beyond it the one that expires first is dropped.</summary>
    private const int MaxNames = 4096;

    private readonly Dictionary<string, (ulong Incarnation, TimeSpan Until)> _tombstones = new(StringComparer.Ordinal);

    public int Count => _tombstones.Count;

    public bool Covers(ReplicaId replica, TimeSpan now) =>
        _tombstones.TryGetValue(replica.Node, out var tombstone)
        && replica.Incarnation <= tombstone.Incarnation
        && now < tombstone.Until;

    public ulong LastOf(string node) => _tombstones.TryGetValue(node, out var tombstone) ? tombstone.Incarnation : 0;

    public void Add(ReplicaId replica, TimeSpan now)
    {
        // The end of an earlier incarnation prolongs the tombstone too: a peer may still hold that incarnation.
        var last = Math.Max(replica.Incarnation, LastOf(replica.Node));
        if (_tombstones.Count >= MaxNames && !_tombstones.ContainsKey(replica.Node))
        {
            _tombstones.Remove(_tombstones.MinBy(g => g.Value.Until).Key);
        }

        _tombstones[replica.Node] = (last, now + period);
    }

    public void Clear(TimeSpan now)
    {
        foreach (var (name, _) in _tombstones.Where(g => g.Value.Until <= now).ToArray())
        {
            _tombstones.Remove(name);
        }
    }
}
