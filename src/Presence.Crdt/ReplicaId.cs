namespace Presence.Crdt;

/// <summary>One incarnation of one cluster member: the identity under which it writes its entries.</summary>
/// <remarks>
/// Incarnations of a node are ordered and never used twice; a later one replaces all earlier ones. Ordered by node name
/// (ordinal), then incarnation.
/// </remarks>
/// <param name="Node">Name of the cluster member, unique among living members.</param>
/// <param name="Incarnation">Grows with every restart of the member.</param>
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

/// <summary>One event of one replica: the name of exactly one addition, or of one removal.</summary>
/// <param name="Replica">The only writer of this dot.</param>
/// <param name="Sequence">Counts the replica's events from 1, without gaps.</param>
public readonly record struct Dot(ReplicaId Replica, ulong Sequence)
{
    /// <summary><c>node#incarnation:sequence</c></summary>
    public override string ToString() => $"{Replica}:{Sequence}";
}
