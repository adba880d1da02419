namespace Presence.Crdt;

/// <summary>What a merge changed here. Nothing, if it taught nothing new.</summary>
/// <typeparam name="TValue">The value.</typeparam>
internal sealed class MergeResult<TValue>
    where TValue : class
{
    /// <summary>Values that became live, ascending by sequence number.</summary>
    public List<TValue> Joined { get; } = [];

    /// <summary>Values that died, with the note of their removal (0 where the removal itself is not known).</summary>
    public List<(TValue Value, byte Note)> Left { get; } = [];

    /// <summary>
    /// Last values of dots that died unseen: what the delta carries, each time it comes. Look here only for what left.
    /// </summary>
    public List<TValue> Finals { get; } = [];

    /// <summary>Empties the lists.</summary>
    public void Clear()
    {
        Joined.Clear();
        Left.Clear();
        Finals.Clear();
    }
}
