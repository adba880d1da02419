using System.Diagnostics.CodeAnalysis;

namespace Presence.Crdt;

/// <summary>The replicated set: what is known of each replica that is held.</summary>
/// <remarks>
/// A replica is held or not by decision of whoever owns this map (membership, liveness); what a merge brings of
/// a replica that is not held is ignored, so nobody learns of a dead replica through a third.
/// </remarks>
/// <typeparam name="TValue">A value; immutable.</typeparam>
internal sealed class AddWinsMap<TValue>(int logCapacity = int.MaxValue)
    where TValue : class
{
    private readonly Dictionary<ReplicaId, ReplicaDots<TValue>> _replicas = [];

    /// <summary>The replicas that are held.</summary>
    public IReadOnlyDictionary<ReplicaId, ReplicaDots<TValue>> Replicas => _replicas;

    /// <summary>Holds a replica from now on, from empty if it was not held.</summary>
    public ReplicaDots<TValue> Hold(ReplicaId replica)
    {
        if (!_replicas.TryGetValue(replica, out var dots))
        {
            _replicas.Add(replica, dots = new ReplicaDots<TValue>(logCapacity));
        }

        return dots;
    }

    /// <summary>What is known of a replica, if it is held.</summary>
    public bool TryGet(ReplicaId replica, [MaybeNullWhen(false)] out ReplicaDots<TValue> dots) =>
        _replicas.TryGetValue(replica, out dots);

    /// <summary>Forgets all trace of a replica.</summary>
    public bool Forget(ReplicaId replica) => _replicas.Remove(replica);

    /// <summary>Learns all that <paramref name="other"/> knows of replicas that are held here.</summary>
    public void Merge(AddWinsMap<TValue> other, MergeResult<TValue>? merged = null)
    {
        ArgumentNullException.ThrowIfNull(other);
        foreach (var (replica, theirs) in other._replicas)
        {
            if (_replicas.TryGetValue(replica, out var mine))
            {
                mine.Merge(theirs, merged);
            }
        }
    }
}
