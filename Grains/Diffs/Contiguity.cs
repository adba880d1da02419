using System.Collections.Concurrent;
using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>
/// How far this silo knows each member without a gap. What lies behind a gap is shown already, but on a stream it would be told
/// before the joins that the gap hides.
/// </summary>
/// <param name="known">What is known now of those who may be present in a topic.</param>
/// <param name="shardOf">The shard of a topic.</param>
/// <param name="time">The clock.</param>
internal sealed class Contiguity(
    Func<string, IReadOnlyList<KnownReplica>> known, Func<string, int> shardOf, TimeProvider time)
{
    private static readonly TimeSpan Recently = TimeSpan.FromMilliseconds(10);

    // For the silo and not for a feed: what one feed has told must not be missing from the list with which the next one begins.
    private readonly ConcurrentDictionary<(int Shard, ReplicaId Owner), ulong> _waived = new();
    private readonly ConcurrentDictionary<int, (long At, IReadOnlyList<KnownReplica> Known)> _last = new();
    private long _waivedTimes;

    /// <summary>How often something was told in spite of a gap.</summary>
    public long WaivedTimes => Volatile.Read(ref _waivedTimes);

    /// <summary>As it is now. What was covered once is always covered, while its owner is listed.</summary>
    public Reach Of(string topic)
    {
        // In this order: a gap that is closed by now is waited for no more, waived or not.
        var shard = shardOf(topic);
        var waived = WaivedIn(shard);
        var at = time.GetTimestamp();
        var replicas = known(topic);
        _last[shard] = (at, replicas);
        return With(shard, waived, replicas);
    }

    /// <summary>As it is, or was a moment ago: for many topics that look again and again at one gap.</summary>
    public Reach RecentlyOf(string topic)
    {
        var shard = shardOf(topic);
        return _last.TryGetValue(shard, out var last) && time.GetElapsedTime(last.At) < Recently
            ? With(shard, WaivedIn(shard), last.Known)
            : Of(topic);
    }

    /// <summary>No more waiting for what lies before an event of a member.</summary>
    public void Waive(string topic, ReplicaId owner, ulong upTo)
    {
        Interlocked.Increment(ref _waivedTimes);
        _waived.AddOrUpdate((shardOf(topic), owner), upTo, (_, before) => Math.Max(before, upTo));
    }

    private Dictionary<ReplicaId, ulong>? WaivedIn(int shard)
    {
        Dictionary<ReplicaId, ulong>? waived = null;
        foreach (var (at, upTo) in _waived)
        {
            if (at.Shard == shard)
            {
                (waived ??= [])[at.Owner] = upTo;
            }
        }

        return waived;
    }

    private Reach With(int shard, Dictionary<ReplicaId, ulong>? waived, IReadOnlyList<KnownReplica> replicas)
    {
        var reach = new Reach(replicas, waived);
        foreach (var (owner, upTo) in waived ?? [])
        {
            if (reach.WithoutGap(owner) >= upTo)
            {
                _waived.TryRemove(new((shard, owner), upTo));
            }
        }

        return reach;
    }
}

/// <summary>How far members were known without a gap at one moment.</summary>
/// <param name="Known">Those who may be present.</param>
/// <param name="Waived">Gaps that are not waited for.</param>
internal sealed record Reach(IReadOnlyList<KnownReplica> Known, IReadOnlyDictionary<ReplicaId, ulong>? Waived)
{
    /// <summary>Whether everything that the owner did before this presence joined is known.</summary>
    public bool Covers(PresenceEntry entry)
    {
        var joined = entry.First.Sequence;
        return joined <= WithoutGap(entry.Owner)
            || (Waived is not null && Waived.TryGetValue(entry.Owner, out var waived) && joined <= waived);
    }

    /// <summary>Up to which event of a member everything is known. One that nobody counts as living has no more to say.</summary>
    public ulong WithoutGap(ReplicaId owner)
    {
        var reach = ulong.MaxValue;
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

            reach = replica.Incarnation == owner.Incarnation ? replica.Clock : 0;
        }

        return reach;
    }
}
