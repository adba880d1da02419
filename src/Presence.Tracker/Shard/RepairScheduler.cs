using Presence.Crdt;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>Determines which state is missing and which nodes to request it from.</summary>
internal sealed class RepairScheduler(PeerTable peers, FrameBounds bounds)
{
    private readonly Dictionary<ReplicaId, Dictionary<ReplicaId, Clock>> _clocks = [];
    private readonly Dictionary<ReplicaId, int> _attempts = [];

    /// <summary>Stores the latest clocks of a peer.</summary>
    public void Learn(ReplicaId from, IReadOnlyList<Clock> clocks)
    {
        var known = _clocks[from] = new(clocks.Count);
        foreach (var clock in clocks)
        {
            known[clock.Replica] = clock;
            if (peers.TryGet(clock.Replica, out var peer))
            {
                peer.MaxKnownSequence = Math.Max(peer.MaxKnownSequence, clock.Max);
            }
        }
    }

    /// <summary>Returns whether a peer has all changes of <paramref name="local"/>.</summary>
    public bool Confirms(ReplicaId peer, ReplicaId local, ulong counter) =>
        _clocks.TryGetValue(peer, out var clocks)
        && clocks.TryGetValue(local, out var clock)
        && clock.Prefix >= counter;

    public void Forget(ReplicaId replica)
    {
        _clocks.Remove(replica);
        _attempts.Remove(replica);
    }

    /// <summary>Returns whether changes of the peer are known to be missing here.</summary>
    public static bool Lacks(Peer peer) => peer.Dots.Context.Prefix < MaxKnown(peer);

    /// <summary>Returns the highest sequence number of the peer that is known to exist.</summary>
    public static ulong MaxKnown(Peer peer) => Math.Max(peer.MaxKnownSequence, peer.Dots.Context.Max);

    /// <summary>Returns the requests to send now, by target: the fewest nodes that can answer.</summary>
    public Dictionary<ReplicaId, List<ReplicaContext>> Requests(TimeSpan now)
    {
        var requests = new Dictionary<ReplicaId, List<ReplicaContext>>();
        foreach (var peer in peers.All.OrderBy(p => p.Replica))
        {
            var isUnsure = peer is { State: PeerState.Recovering, RecoveryTarget: null };
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
            foreach (var requested in already)
            {
                if (requested == peer.Replica || KnowsAllOf(requested, peer))
                {
                    return requested;
                }
            }
        }

        // The owner first; if it does not answer, in turn every other peer that has seen more than this node.
        var candidates = new List<ReplicaId> { peer.Replica };
        candidates.AddRange(peers.All
            .Where(p => p != peer && p.State != PeerState.Down && MaxAt(p.Replica, peer) > peer.Dots.Context.Prefix)
            .Select(p => p.Replica)
            .Order());
        return candidates[attempts % candidates.Count];
    }

    private bool KnowsAllOf(ReplicaId requested, Peer peer) =>
        _clocks.TryGetValue(requested, out var clocks)
        && clocks.TryGetValue(peer.Replica, out var clock)
        && clock.Prefix >= peer.MaxKnownSequence;

    private ulong MaxAt(ReplicaId requested, Peer peer) =>
        _clocks.TryGetValue(requested, out var clocks) && clocks.TryGetValue(peer.Replica, out var clock)
            ? clock.Max
            : 0;
}
