using System.Diagnostics.CodeAnalysis;
using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>What hearing a replica did to the table.</summary>
/// <param name="Before">The state of the name's peer before.</param>
/// <param name="After">The peer now, or null if the frame is of an incarnation that is over.</param>
/// <param name="Replaced">The earlier incarnation that ended by this, if one did.</param>
internal readonly record struct Heard(PeerState Before, Peer? After, Peer? Replaced);

/// <summary>The other replicas that are held, one per member, and the graves of those that ended for good.</summary>
internal sealed class PeerTable(AddWinsMap<PresenceEntry> map, Graves graves)
{
    private readonly Dictionary<string, Peer> _peers = new(StringComparer.Ordinal);

    public IReadOnlyCollection<Peer> All => _peers.Values;

    public bool TryGet(ReplicaId replica, [MaybeNullWhen(false)] out Peer peer) =>
        _peers.TryGetValue(replica.Node, out peer) && peer.Replica == replica;

    public bool TryGet(string node, [MaybeNullWhen(false)] out Peer peer) => _peers.TryGetValue(node, out peer);

    /// <summary>A frame came straight from a replica.</summary>
    public Heard Hear(ReplicaId replica, TimeSpan now)
    {
        if (graves.Covers(replica, now))
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
        peer.Heard(now);
        if (before == PeerState.Down)
        {
            peer.State = PeerState.Healing;
        }

        return new(before, peer, null);
    }

    /// <summary>The highest incarnation of a name that is over or about to be, so that its member gets above it in one step.</summary>
    public ReplicaId LastOver(ReplicaId replica)
    {
        var last = Math.Max(replica.Incarnation, graves.LastOf(replica.Node));
        return replica with
        {
            Incarnation = _peers.TryGetValue(replica.Node, out var peer) ? Math.Max(last, peer.Replica.Incarnation) : last,
        };
    }

    /// <summary>Forgets a replica by timeout; it may come back, from empty.</summary>
    public void Forget(Peer peer)
    {
        if (_peers.TryGetValue(peer.Replica.Node, out var held) && held == peer)
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

/// <summary>
/// The replicas that ended for good, by name and highest incarnation, for longer than any peer may still hold them.
/// </summary>
internal sealed class Graves(TimeSpan period)
{
    /// <summary>Names remembered at most; beyond it the one that expires first goes.</summary>
    private const int Most = 4096;

    private readonly Dictionary<string, (ulong Incarnation, TimeSpan Until)> _graves = new(StringComparer.Ordinal);

    public int Count => _graves.Count;

    public bool Covers(ReplicaId replica, TimeSpan now) =>
        _graves.TryGetValue(replica.Node, out var grave) && replica.Incarnation <= grave.Incarnation && now < grave.Until;

    public ulong LastOf(string node) => _graves.TryGetValue(node, out var grave) ? grave.Incarnation : 0;

    public void Bury(ReplicaId replica, TimeSpan now)
    {
        // A word about an earlier incarnation keeps the grave for longer too: somebody may have held that one until now.
        var last = Math.Max(replica.Incarnation, LastOf(replica.Node));
        if (_graves.Count >= Most && !_graves.ContainsKey(replica.Node))
        {
            _graves.Remove(_graves.MinBy(g => g.Value.Until).Key);
        }

        _graves[replica.Node] = (last, now + period);
    }

    public void Clear(TimeSpan now)
    {
        foreach (var (name, _) in _graves.Where(g => g.Value.Until <= now).ToArray())
        {
            _graves.Remove(name);
        }
    }
}
