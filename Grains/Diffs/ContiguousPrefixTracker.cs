using System.Collections.Concurrent;
using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>
/// Tracks, per replica, up to which event every event is known. Later events are visible to reads but withheld from
/// streams until the gap is filled, because it may hide earlier joins of the same owner.
/// </summary>
/// <param name="shardOf">Returns the shard of a topic.</param>
internal sealed class ContiguousPrefixTracker(Func<string, int> shardOf)
{
    // Shared by all publishers: what one has published must be in the list with which the next one begins.
    private readonly ConcurrentDictionary<(int Shard, ReplicaId Owner), ulong> _skipped = new();
    private long _skippedTimes;

    /// <summary>Gets how often a change was published in spite of a gap.</summary>
    public long SkippedTimes => Volatile.Read(ref _skippedTimes);

    /// <summary>Returns the prefix for a topic. A replica's prefix never shrinks while the replica is listed.</summary>
    public KnownPrefix Of(string topic, IReadOnlyList<KnownReplica> known)
    {
        var shard = shardOf(topic);
        Dictionary<ReplicaId, ulong>? skipped = null;
        foreach (var (at, upTo) in _skipped)
        {
            if (at.Shard == shard)
            {
                (skipped ??= [])[at.Owner] = upTo;
            }
        }

        var prefix = new KnownPrefix(known, skipped);
        foreach (var (owner, upTo) in skipped ?? [])
        {
            if (prefix.WithoutGap(owner) >= upTo)
            {
                _skipped.TryRemove(new((shard, owner), upTo));
            }
        }

        return prefix;
    }

    /// <summary>Stops waiting for the events before one event of a replica.</summary>
    public void SkipGap(string topic, ReplicaId owner, ulong upTo)
    {
        Interlocked.Increment(ref _skippedTimes);
        _skipped.AddOrUpdate((shardOf(topic), owner), upTo, (_, before) => Math.Max(before, upTo));
    }
}

/// <summary>The events that were known without a gap at one moment, per replica.</summary>
/// <param name="Known">The replicas that may have presences.</param>
/// <param name="Skipped">The gaps that are no longer waited for.</param>
internal sealed record KnownPrefix(IReadOnlyList<KnownReplica> Known, IReadOnlyDictionary<ReplicaId, ulong>? Skipped)
{
    /// <summary>Returns whether every event of the owner before this presence joined is known.</summary>
    public bool Covers(PresenceEntry entry)
    {
        var joined = entry.First.Sequence;
        return joined <= WithoutGap(entry.Owner)
            || (Skipped is not null && Skipped.TryGetValue(entry.Owner, out var skipped) && joined <= skipped);
    }

    /// <summary>Returns up to which event of a replica all are known. An unlisted replica sends no more.</summary>
    public ulong WithoutGap(ReplicaId owner)
    {
        var prefix = ulong.MaxValue;
        var isListed = false;
        foreach (var replica in Known)
        {
            if (!string.Equals(replica.Node, owner.Node, StringComparison.Ordinal))
            {
                continue;
            }

            if (replica.Incarnation > owner.Incarnation)
            {
                return ulong.MaxValue;
            }

            if (replica.Incarnation == owner.Incarnation)
            {
                (prefix, isListed) = (replica.Clock, true);
            }
            else if (!isListed)
            {
                prefix = 0;
            }
        }

        return prefix;
    }
}
