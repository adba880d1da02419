namespace Presence.Crdt;

/// <summary>The changes that a merge made. Empty if it contained no news.</summary>
/// <typeparam name="TValue">The immutable value.</typeparam>
internal sealed class MergeResult<TValue>
    where TValue : class
{
    /// <summary>Gets the values that became live, ascending by sequence number.</summary>
    public List<TValue> Joined { get; } = [];

    /// <summary>Gets the removed values and the note of their removal.</summary>
    public List<(TValue Value, byte Note)> Left { get; } = [];

    /// <summary>Gets the final values in the delta, also if merged again. Use them for values that left only.</summary>
    public List<TValue> Finals { get; } = [];

    public void Clear()
    {
        Joined.Clear();
        Left.Clear();
        Finals.Clear();
    }
}
