using Presence.Crdt;

namespace Presence.Tracker.Shard;

/// <content>
/// Shards that read the lanes of nodes with another pool size. The topics of such a lane are spread over other shards
/// here, so a reader has the state of the lane, and shows its presences in those shards.
/// </content>
internal sealed partial class TrackerShard
{
    private readonly TrackerShard[] _homes;
    private volatile TrackerShard[] _readers = [];
    private TimeSpan _lastUsed;

    /// <summary>
    /// Gets whether the shard only reads a lane of nodes with another pool size, and shows what it reads in
    /// <see cref="Homes"/>: see <see cref="CreateReaders"/>.
    /// </summary>
    public bool IsReader => _homes.Length > 0;

    /// <summary>
    /// Gets the shards of this node in which a reader shows presences, ascending; of other shards nothing. Inputs of a
    /// reader change them too, so the host runs no input of theirs meanwhile.
    /// </summary>
    public ReadOnlySpan<TrackerShard> Homes => _homes;

    /// <summary>Gets the readers that show presences in this shard.</summary>
    public ReadOnlySpan<TrackerShard> Readers => _readers;

    /// <summary>Gets whether a reader has had no peer for as long as nodes are remembered.</summary>
    public bool IsUnused { get; private set; }

    /// <summary>
    /// Creates the shards that read the lanes of nodes with another pool size: one per lane, with the frames of an
    /// ordinary node that tracks nothing.
    /// </summary>
    /// <param name="self">This node.</param>
    /// <param name="poolSize">The other pool size.</param>
    /// <param name="node">All shards of this node, in order.</param>
    /// <param name="limits">Maximum sizes of what is received.</param>
    /// <param name="seed">Returns numbers unique to this process.</param>
    /// <param name="bounds">Null for those of production.</param>
    public static TrackerShard[] CreateReaders(
        ReplicaId self, int poolSize, TrackerShard[] node, PresenceLimits limits, Func<ulong> seed,
        FrameBounds? bounds = null) =>
    [
        .. Enumerable.Range(0, poolSize).Select(lane => new TrackerShard(
            self, lane, poolSize, node[0]._options, limits, seed(), bounds ?? FrameBounds.Production, node)),
    ];

    /// <summary>
    /// Handles that a process of a node was seen in lanes of another pool size: earlier ones of its name have ended.
    /// </summary>
    public void ProcessStarted(TimeSpan now, StartedProcess process, ShardEffects effects)
    {
        _presences.SetNow(now);
        if (!_hasEnded && process.Incarnation > 0 && process.Node != Self.Node)
        {
            var last = new ReplicaId(process.Node, process.Incarnation - 1);
            _peers.MarkEarlierDead(now, last, LeaveReason.Replaced, ReplicaEventKind.Dead, effects);
            Publish();
        }
    }

    /// <summary>Ends a reader: what it reads is not shown any more.</summary>
    public void Detach()
    {
        _hasEnded = true;
        foreach (var home in _homes)
        {
            home._readers = [.. home._readers.Where(r => r != this)];
        }
    }

    /// <summary>Returns since when changes of a node that is not down are missing here; null if none is.</summary>
    private TimeSpan? BehindSince() =>
        _readers.Select(r => r._peers.BehindSince()).Append(_peers.BehindSince()).Max();

    private VersionVector KnownOf(string topic, TrackerShard[] readers) => _known.With(
        readers.Where(r => PresencesByTopic.ShardOf(topic, r.PoolSize) == r.Shard).Select(r => r._known));

    /// <summary>Returns whether a topic can be in lane <paramref name="lane"/> and in that shard.</summary>
    private static bool HasCommonTopics(int lane, int lanes, int shard, int shards)
    {
        var common = (int)System.Numerics.BigInteger.GreatestCommonDivisor(lanes, shards);
        return lane % common == shard % common;
    }

    private void Attach(TimeSpan now)
    {
        _lastUsed = now;
        foreach (var home in _homes)
        {
            home._readers = [.. home._readers, this];
        }
    }

    private void CheckUse(TimeSpan now)
    {
        _lastUsed = _peers.IsEmpty ? _lastUsed : now;
        IsUnused = IsReader && now - _lastUsed > _options.PermDownPeriod;
    }
}
