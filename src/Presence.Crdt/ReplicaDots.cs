using System.Diagnostics.CodeAnalysis;

namespace Presence.Crdt;

/// <summary>What is known of one dot; a merge takes the larger.</summary>
public enum DotState
{
    /// <summary>Nothing is known.</summary>
    Unknown,

    /// <summary>It has a value.</summary>
    Live,

    /// <summary>It was removed, or is the tick of a removal.</summary>
    Dead,
}

/// <summary>
/// What is known of one replica's dots: live values by sequence number, and the dead. A delta is a small one of these, a
/// state a large one; there is one merge.
/// </summary>
/// <remarks>
/// <para>An observed-remove, add-wins set without tombstones per entry (Bieniusa et al., 2012; deltas after Almeida,
/// Shoker and Baquero, 2018) in which each replica alone writes its dots. Each dot is unknown, live or dead, in this order,
/// and merging takes the larger. The context is always live and dead together: nothing counts as seen without its value
/// or its death.</para>
/// <para>A removal consumes a dot of its own, the tick. Whoever knows a tick knows the death of all it removed; this is why
/// the two travel in one frame, and why comparing <see cref="Context"/>s finds every removal whose tick somebody knows. A
/// death may be known before its tick (parts of <see cref="RepairPlan.AllDead"/>); then the tick is missing still, and is
/// asked for.</para>
/// </remarks>
/// <typeparam name="TValue">A value; immutable.</typeparam>
public sealed class ReplicaDots<TValue>
    where TValue : class
{
    private readonly Dictionary<ulong, TValue> _live = [];
    private Dictionary<ulong, TValue>? _finals;

    /// <summary>Knows nothing.</summary>
    /// <param name="logCapacity">Removed dots remembered for repair: see <see cref="RemovalLog"/>.</param>
    public ReplicaDots(int logCapacity = int.MaxValue) => Log = new RemovalLog(logCapacity);

    /// <summary>All that was seen: live and dead. Do not write to it.</summary>
    public IntervalSet Context { get; } = new();

    /// <summary>Recent removals.</summary>
    public RemovalLog Log { get; }

    /// <summary>Live values.</summary>
    public int Count => _live.Count;

    /// <summary>The live values by sequence number, in no order.</summary>
    public IReadOnlyDictionary<ulong, TValue> Live => _live;

    /// <summary>
    /// In a delta: values that lived and died within its window, which nobody else may ever have seen live. Never part
    /// of what is known; a courtesy to observers of the end.
    /// </summary>
    public IReadOnlyDictionary<ulong, TValue> Finals => _finals ?? (IReadOnlyDictionary<ulong, TValue>)Empty;

    /// <summary>Whether there is nothing to tell.</summary>
    public bool IsEmpty => Context.IntervalCount == 0;

    private static Dictionary<ulong, TValue> Empty { get; } = [];

    /// <summary>What is known of a dot.</summary>
    public DotState StateOf(ulong sequence) =>
        _live.ContainsKey(sequence) ? DotState.Live : Context.Contains(sequence) ? DotState.Dead : DotState.Unknown;

    /// <summary>The value of a live dot.</summary>
    public bool TryGet(ulong sequence, [MaybeNullWhen(false)] out TValue value) => _live.TryGetValue(sequence, out value);

    /// <summary>Makes room for values that are about to be added to an empty set: a hint.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    public void MakeRoom(int values)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(values);
        if (_live.Count == 0)
        {
            _live.EnsureCapacity(values);
        }
    }

    /// <summary>Learns that a dot has a value, unless it is known to be dead.</summary>
    /// <returns>Whether this is news.</returns>
    public bool Add(ulong sequence, TValue value)
    {
        if (Context.Contains(sequence))
        {
            return false;
        }

        Context.Add(sequence);
        _live.Add(sequence, value);
        return true;
    }

    /// <summary>Learns a removal: the tick and all it removed are dead.</summary>
    /// <param name="removal">The removal, whole.</param>
    /// <param name="merged">Receives what left.</param>
    /// <exception cref="ArgumentException">It removes a dot that is not before its tick; nothing was learnt.</exception>
    public void Remove(Removal removal, MergeResult<TValue>? merged = null)
    {
        foreach (var dead in removal.Removed.Span)
        {
            if (dead == 0 || dead >= removal.Tick)
            {
                throw new ArgumentException(
                    $"The removal {removal.Tick} cannot end {dead}, which is not before it.", nameof(removal));
            }
        }

        foreach (var dead in removal.Removed.Span)
        {
            Kill(dead, removal.Note, merged);
        }

        Kill(removal.Tick, removal.Note, merged);
        Log.Add(removal);
    }

    /// <summary>Learns that all dots of an interval are dead.</summary>
    /// <param name="interval">The dots.</param>
    /// <param name="merged">Receives what left.</param>
    public void Kill(Interval interval, MergeResult<TValue>? merged = null) => Kill(new IntervalSet(interval), merged);

    /// <summary>
    /// Learns that all dots of a set are dead. Costs its intervals and the smaller of its dots and the live values.
    /// </summary>
    /// <param name="dead">The dots.</param>
    /// <param name="merged">Receives what left.</param>
    public void Kill(IntervalSet dead, MergeResult<TValue>? merged = null)
    {
        KillKnown(dead, merged);
        Context.UnionWith(dead);
    }

    /// <summary>
    /// Learns the death of the live dots of a set, and nothing of the unknown ones. For a part of the dead that came
    /// without the parts before it: an unknown dot in it may be a tick whose removed dots are in a part that was lost, and
    /// to count it as seen would hide the loss for ever.
    /// </summary>
    /// <param name="dead">The dots.</param>
    /// <param name="merged">Receives what left.</param>
    public void KillKnown(IntervalSet dead, MergeResult<TValue>? merged = null)
    {
        foreach (var sequence in LiveWithin(dead))
        {
            EndLive(sequence, 0, merged);
        }
    }

    /// <summary>In a delta: keeps the last value of a dot that died before it could be told.</summary>
    public void AddFinal(ulong sequence, TValue value) => (_finals ??= [])[sequence] = value;

    /// <summary>
    /// Takes a live value out of a delta because it died before it was sent; the caller adds its removal.
    /// </summary>
    public bool TakeUnsent(ulong sequence, [MaybeNullWhen(false)] out TValue value) => _live.Remove(sequence, out value);

    /// <summary>
    /// Learns all that <paramref name="other"/> knows. Commutative, associative and idempotent; costs the size of
    /// <paramref name="other"/>, whatever the size of this.
    /// </summary>
    /// <param name="other">A delta or a state of the same replica.</param>
    /// <param name="merged">Receives what joined and left here: first all joins, then the leaves.</param>
    public void Merge(ReplicaDots<TValue> other, MergeResult<TValue>? merged = null)
    {
        ArgumentNullException.ThrowIfNull(other);
        // Joins before leaves: an update is a newer dot joining and an older one leaving, never a moment without either.
        foreach (var sequence in other.LiveSequences())
        {
            var value = other._live[sequence];
            if (Add(sequence, value))
            {
                merged?.Joined.Add(value);
            }
        }

        foreach (var removal in other.Log.Removals)
        {
            Remove(removal, merged);
        }

        Kill(other.Dead(), merged);

        if (merged is not null && other._finals is not null)
        {
            merged.Finals.AddRange(other._finals.Values);
        }
    }

    /// <summary>The dead dots: the context without the live ones. Costs the number of live values.</summary>
    public IntervalSet Dead()
    {
        if (_live.Count == 0)
        {
            return Context.Copy();
        }

        var live = new IntervalSet();
        foreach (var sequence in LiveSequences())
        {
            live.Add(sequence);
        }

        return Context.Except(live);
    }

    /// <summary>Sequence numbers of the live values, ascending.</summary>
    public ulong[] LiveSequences()
    {
        var sequences = new ulong[_live.Count];
        _live.Keys.CopyTo(sequences, 0);
        Array.Sort(sequences);
        return sequences;
    }

    /// <summary>Live dots within a set, ascending. Costs the smaller of the set and the live values.</summary>
    public List<ulong> LiveWithin(IntervalSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        var found = new List<ulong>();
        var length = 0UL;
        foreach (var interval in set.Intervals)
        {
            length += interval.Length;
        }

        if (length > (ulong)_live.Count)
        {
            foreach (var sequence in _live.Keys)
            {
                if (set.Contains(sequence))
                {
                    found.Add(sequence);
                }
            }

            found.Sort();
            return found;
        }

        foreach (var (first, last) in set.Intervals)
        {
            // The second condition is for a number that wraps around: no interval can make this loop for ever.
            for (var sequence = first; sequence <= last && sequence >= first; sequence++)
            {
                if (_live.ContainsKey(sequence))
                {
                    found.Add(sequence);
                }
            }
        }

        return found;
    }

    private void Kill(ulong sequence, byte note, MergeResult<TValue>? merged)
    {
        EndLive(sequence, note, merged);
        Context.Add(sequence);
    }

    private void EndLive(ulong sequence, byte note, MergeResult<TValue>? merged)
    {
        if (_live.Remove(sequence, out var value))
        {
            merged?.Left.Add((value, note));
        }
    }
}

/// <summary>What a merge changed here. Nothing, if it taught nothing new.</summary>
/// <typeparam name="TValue">The value.</typeparam>
public sealed class MergeResult<TValue>
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
