using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>Knows what is missing here, and of whom to ask it.</summary>
internal sealed class RepairDesk(PeerTable peers, FrameBounds bounds)
{
    private readonly Dictionary<ReplicaId, Dictionary<ReplicaId, Clock>> _clocks = [];
    private readonly Dictionary<ReplicaId, int> _attempts = [];

    /// <summary>Keeps the latest clocks of a peer.</summary>
    public void Learn(ReplicaId from, IReadOnlyList<Clock> clocks)
    {
        var known = _clocks[from] = new(clocks.Count);
        foreach (var clock in clocks)
        {
            known[clock.Replica] = clock;
            if (peers.TryGet(clock.Replica, out var peer))
            {
                peer.Advertised = Math.Max(peer.Advertised, clock.Max);
            }
        }
    }

    /// <summary>Whether a peer is known to know all there is of <paramref name="own"/>.</summary>
    public bool Confirms(ReplicaId peer, ReplicaId own, ulong counter) =>
        _clocks.TryGetValue(peer, out var clocks) && clocks.TryGetValue(own, out var clock) && clock.Prefix >= counter;

    public void Forget(ReplicaId replica)
    {
        _clocks.Remove(replica);
        _attempts.Remove(replica);
    }

    /// <summary>Whether something of the peer is known to be missing here.</summary>
    public static bool Lacks(Peer peer) =>
        peer.Dots.Context.Prefix < Math.Max(peer.Advertised, peer.Dots.Context.Max);

    /// <summary>What to ask now, and of whom: the fewest members that can answer it.</summary>
    public Dictionary<ReplicaId, List<ReplicaContext>> Requests(TimeSpan now)
    {
        var requests = new Dictionary<ReplicaId, List<ReplicaContext>>();
        foreach (var peer in peers.All.OrderBy(p => p.Replica))
        {
            var isUnsure = peer is { State: PeerState.Healing, HealTarget: null };
            if (peer.State == PeerState.Down || !(isUnsure || Lacks(peer)))
            {
                peer.BehindSince = null;
                _attempts.Remove(peer.Replica);
                continue;
            }

            peer.BehindSince ??= now;
            var target = isUnsure ? peer.Replica : Choose(peer, requests.Keys);
            if (!requests.TryGetValue(target, out var contexts))
            {
                requests.Add(target, contexts = []);
            }

            contexts.Add(ContextOf(peer));
        }

        return requests;
    }

    public ReplicaContext ContextOf(Peer peer) => new(peer.Replica, peer.Dots.Context.Bounded(bounds.ContextIntervals));

    private ReplicaId Choose(Peer peer, IEnumerable<ReplicaId> already)
    {
        var attempts = _attempts.GetValueOrDefault(peer.Replica);
        _attempts[peer.Replica] = attempts + 1;
        if (attempts == 0)
        {
            foreach (var asked in already)
            {
                if (asked == peer.Replica || KnowsAllOf(asked, peer))
                {
                    return asked;
                }
            }
        }

        // The owner first: it knows best. If it does not hear us, another who has seen more than we have, in turn.
        var candidates = new List<ReplicaId> { peer.Replica };
        candidates.AddRange(peers.All
            .Where(p => p != peer && p.State != PeerState.Down && MaxAt(p.Replica, peer) > peer.Dots.Context.Prefix)
            .Select(p => p.Replica)
            .Order());
        return candidates[attempts % candidates.Count];
    }

    private bool KnowsAllOf(ReplicaId asked, Peer peer) =>
        _clocks.TryGetValue(asked, out var clocks)
        && clocks.TryGetValue(peer.Replica, out var clock)
        && clock.Prefix >= peer.Advertised;

    private ulong MaxAt(ReplicaId asked, Peer peer) =>
        _clocks.TryGetValue(asked, out var clocks) && clocks.TryGetValue(peer.Replica, out var clock) ? clock.Max : 0;
}
