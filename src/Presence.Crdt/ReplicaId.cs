namespace Presence.Crdt;

/// <summary>One incarnation of one cluster node: the writer of entries.</summary>
/// <remarks>
/// Incarnations of a node grow and are never reused; a later one replaces all earlier ones. Replicas are ordered by
/// node name (ordinal), then incarnation.
/// </remarks>
/// <param name="Node">Name of the node, unique among running nodes.</param>
/// <param name="Incarnation">Grows with every restart of the node.</param>
public readonly record struct ReplicaId(string Node, ulong Incarnation) : IComparable<ReplicaId>
{
    /// <inheritdoc/>
    public int CompareTo(ReplicaId other)
    {
        var byNode = string.CompareOrdinal(Node, other.Node);
        return byNode != 0 ? byNode : Incarnation.CompareTo(other.Incarnation);
    }

    /// <summary><c>node#incarnation</c></summary>
    public override string ToString() => $"{Node}#{Incarnation}";

    /// <summary>Orders two replicas.</summary>
    public static bool operator <(ReplicaId left, ReplicaId right) => left.CompareTo(right) < 0;

    /// <summary>Orders two replicas.</summary>
    public static bool operator >(ReplicaId left, ReplicaId right) => left.CompareTo(right) > 0;

    /// <summary>Orders two replicas.</summary>
    public static bool operator <=(ReplicaId left, ReplicaId right) => left.CompareTo(right) <= 0;

    /// <summary>Orders two replicas.</summary>
    public static bool operator >=(ReplicaId left, ReplicaId right) => left.CompareTo(right) >= 0;
}

/// <summary>One event of one replica: identifies exactly one addition or removal.</summary>
/// <param name="Replica">The only writer of this dot.</param>
/// <param name="Sequence">The number of the event, counted from 1 without gaps.</param>
public readonly record struct Dot(ReplicaId Replica, ulong Sequence)
{
    /// <summary><c>node#incarnation:sequence</c></summary>
    public override string ToString() => $"{Replica}:{Sequence}";
}
