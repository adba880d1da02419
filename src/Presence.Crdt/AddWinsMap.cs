using System.Diagnostics.CodeAnalysis;

namespace Presence.Crdt;

/// <summary>The replicated add-wins map: the state of each held replica.</summary>
/// <remarks>
/// The owner of the map (membership, failure detector) decides which replicas are held. A merge ignores other replicas,
/// so that a removed replica does not return through a third node.
/// </remarks>
/// <typeparam name="TValue">The immutable value.</typeparam>
internal sealed class AddWinsMap<TValue>(int logCapacity = int.MaxValue)
    where TValue : class
{
    private readonly Dictionary<ReplicaId, ReplicaState<TValue>> _replicas = [];

    /// <summary>Gets the held replicas.</summary>
    public IReadOnlyDictionary<ReplicaId, ReplicaState<TValue>> Replicas => _replicas;

    /// <summary>Returns the state of a replica; adds an empty one if it is not held.</summary>
    public ReplicaState<TValue> Hold(ReplicaId replica)
    {
        if (!_replicas.TryGetValue(replica, out var dots))
        {
            _replicas.Add(replica, dots = new ReplicaState<TValue>(logCapacity));
        }

        return dots;
    }

    /// <summary>Returns the state of a replica if it is held.</summary>
    public bool TryGet(ReplicaId replica, [MaybeNullWhen(false)] out ReplicaState<TValue> dots) =>
        _replicas.TryGetValue(replica, out dots);

    /// <summary>Removes a replica and its state.</summary>
    public bool Forget(ReplicaId replica) => _replicas.Remove(replica);

    /// <summary>Merges the states in <paramref name="other"/> of replicas that are held here.</summary>
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
