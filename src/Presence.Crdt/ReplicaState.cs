using System.Diagnostics.CodeAnalysis;

namespace Presence.Crdt;

/// <summary>
/// The state of one replica: live values by sequence number, and removed dots. Deltas and full states have this type
/// and one merge.
/// </summary>
/// <remarks>
/// <para>An observed-remove, add-wins set without tombstones per entry (Bieniusa et al., 2012; deltas after Almeida,
/// Shoker and Baquero, 2018) in which only the replica itself writes its dots. Each dot is unknown, live or removed, in
/// this order, and merging takes the larger. The context is the union of live and removed dots: no dot counts as seen
/// without its value or removal.</para>
/// <para>A removal uses a dot itself, the tick. Who knows a tick knows the removal of all its dots, so both are in one
/// frame, and comparing <see cref="Context"/>s finds every removal whose tick is known somewhere. A dot may be known as
/// removed before the tick (parts of <see cref="RepairPlan.AllRemoved"/>); the missing tick is requested then.</para>
/// </remarks>
/// <typeparam name="TValue">The immutable value.</typeparam>
internal sealed class ReplicaState<TValue>
    where TValue : class
{
    /// <summary>The note of a value whose removal is not known, only that it was removed.</summary>
    public const byte NoteUnknown = byte.MaxValue;

    private readonly LiveDots<TValue> _live = new();
    private Dictionary<ulong, TValue>? _finals;

    /// <summary>Creates an empty state.</summary>
    /// <param name="logCapacity">Maximum number of removed dots in the <see cref="RemovalLog"/>.</param>
    public ReplicaState(int logCapacity = int.MaxValue) => Log = new RemovalLog(logCapacity);

    /// <summary>Gets the causal context: live and removed dots. Do not change it.</summary>
    public IntervalSet Context { get; } = new();

    public RemovalLog Log { get; }

    public int Count => _live.Count;

    /// <summary>Gets the live values by sequence number, ascending. Valid until the next change.</summary>
    public LiveDots<TValue> Live => _live;

    /// <summary>
    /// Gets the final values of a delta: added and removed within its window, so that other nodes may not have them.
    /// They are for observers of the leave and not part of the state.
    /// </summary>
    public IReadOnlyDictionary<ulong, TValue> Finals => _finals ?? (IReadOnlyDictionary<ulong, TValue>)Empty;

    public bool IsEmpty => Context.IntervalCount == 0;

    private static Dictionary<ulong, TValue> Empty { get; } = [];

    public DotState StateOf(ulong sequence) =>
        _live.ContainsKey(sequence) ? DotState.Live : Context.Contains(sequence) ? DotState.Removed : DotState.Unknown;

    public bool TryGet(ulong sequence, [MaybeNullWhen(false)] out TValue value) =>
        _live.TryGetValue(sequence, out value);

    /// <summary>Reserves capacity in an empty state: a hint.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    public void EnsureCapacity(int values)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(values);
        _live.EnsureCapacity(values);
    }

    /// <summary>Adds the value of an unknown dot.</summary>
    /// <returns>Whether the dot was unknown.</returns>
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

    /// <summary>Applies a removal: marks the tick and its dots as removed.</summary>
    /// <param name="removal">The removal.</param>
    /// <param name="merged">Receives the leaves.</param>
    /// <exception cref="ArgumentException">A removed dot is not below the tick; nothing changed.</exception>
    public void Remove(Removal removal, MergeResult<TValue>? merged = null)
    {
        removal.Check(nameof(removal));
        foreach (var removed in removal.Removed.Span)
        {
            MarkRemoved(removed, removal.Note, merged);
        }

        MarkRemoved(removal.Tick, removal.Note, merged);
        Log.Add(removal);
    }

    /// <summary>Applies removals with one pass over the context for all.</summary>
    /// <param name="removals">The removals; cheapest in order of ticks.</param>
    /// <param name="merged">Receives the leaves.</param>
    /// <exception cref="ArgumentException">A removed dot is not below its tick; nothing changed.</exception>
    public void Remove(ReadOnlySpan<Removal> removals, MergeResult<TValue>? merged = null)
    {
        if (removals.Length == 1)
        {
            Remove(removals[0], merged);
            return;
        }

        foreach (var removal in removals)
        {
            removal.Check(nameof(removals));
        }

        Context.UnionWith(End(removals, merged));
    }

    /// <summary>Marks all dots of an interval as removed.</summary>
    /// <param name="interval">The dots.</param>
    /// <param name="merged">Receives the leaves.</param>
    public void MarkRemoved(Interval interval, MergeResult<TValue>? merged = null) =>
        MarkRemoved(new IntervalSet(interval), merged);

    /// <summary>Marks all dots of a set as removed. Costs its intervals and the live values within them.</summary>
    /// <param name="dots">The dots.</param>
    /// <param name="merged">Receives the leaves.</param>
    public void MarkRemoved(IntervalSet dots, MergeResult<TValue>? merged = null)
    {
        MarkKnownRemoved(dots, merged);
        Context.UnionWith(dots);
    }

    /// <summary>
    /// Marks the live dots of a set as removed and ignores unknown ones. For a part that arrives without earlier parts:
    /// an unknown dot may be a tick whose removed dots are in a lost part, and marking it would hide the loss
    /// permanently.
    /// </summary>
    /// <param name="dots">The dots.</param>
    /// <param name="merged">Receives the leaves.</param>
    public void MarkKnownRemoved(IntervalSet dots, MergeResult<TValue>? merged = null)
    {
        foreach (var sequence in LiveWithin(dots))
        {
            EndLive(sequence, NoteUnknown, merged);
        }
    }

    /// <summary>Adds the final value of a dot that was removed before it was sent. For deltas.</summary>
    public void AddFinal(ulong sequence, TValue value) => (_finals ??= [])[sequence] = value;

    /// <summary>Removes a live value that ended before it was sent; the caller adds its removal. For deltas.</summary>
    public bool RemoveUnsent(ulong sequence, [MaybeNullWhen(false)] out TValue value) =>
        _live.Remove(sequence, out value);

    /// <summary>
    /// Merges another state. Commutative, associative and idempotent; costs the size of <paramref name="other"/>,
    /// independent of the size of this.
    /// </summary>
    /// <param name="other">A delta or a state of the same replica.</param>
    /// <param name="merged">Receives the joins, then the leaves.</param>
    public void Merge(ReplicaState<TValue> other, MergeResult<TValue>? merged = null)
    {
        ArgumentNullException.ThrowIfNull(other);
        // Joins before leaves: an update joins the newer dot before the older one leaves.
        if (other._live.LowerBound > Context.Max)
        {
            Append(other._live, merged);
        }
        else
        {
            foreach (var (sequence, value) in other._live)
            {
                if (!Context.Contains(sequence))
                {
                    _live.Add(sequence, value);
                    merged?.Joined.Add(value);
                }
            }
        }

        var ended = End(other.Log.Removals, merged);
        if (ended.Length + (ulong)other.Count != other.Context.Length)
        {
            // The other state has removed dots without a removal in its log.
            MarkKnownRemoved(other.Removed(), merged);
        }

        // Each dot of the context is live or removed, and both were applied: one pass for all.
        Context.UnionWith(other.Context);

        if (merged is not null && other._finals is not null)
        {
            merged.Finals.AddRange(other._finals.Values);
        }
    }

    /// <summary>Returns the removed dots: the context without live ones. Costs the number of live values.</summary>
    public IntervalSet Removed()
    {
        if (_live.Count == 0)
        {
            return Context.Copy();
        }

        return Context.Length == (ulong)_live.Count ? new IntervalSet() : Context.Except(Runs(_live));
    }

    /// <summary>Returns the sequence numbers of live values, ascending.</summary>
    public ulong[] LiveSequences()
    {
        var sequences = new ulong[_live.Count];
        var at = 0;
        foreach (var (sequence, _) in _live)
        {
            sequences[at++] = sequence;
        }

        return sequences;
    }

    /// <summary>Returns live dots in a set, ascending. Costs the result and min(intervals, live values).</summary>
    /// <param name="set">The dots.</param>
    /// <param name="max">Maximum number of dots, the lowest first.</param>
    public List<ulong> LiveWithin(IntervalSet set, int max = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(set);
        var found = new List<ulong>((int)Math.Min(set.Length, (ulong)Math.Min(max, _live.Count)));
        if (set.IntervalCount > _live.Count)
        {
            foreach (var (sequence, _) in _live)
            {
                if (found.Count < max && set.Contains(sequence))
                {
                    found.Add(sequence);
                }
            }

            return found;
        }

        foreach (var (first, last) in set.Intervals)
        {
            for (var at = _live.From(first); found.Count < max && at.MoveNext() && at.Current.Key <= last;)
            {
                found.Add(at.Current.Key);
            }
        }

        return found;
    }

    /// <summary>Counts the live dots in a set.</summary>
    internal int CountWithin(IntervalSet set)
    {
        var count = 0;
        foreach (var interval in set.Intervals)
        {
            count += _live.CountWithin(interval);
        }

        return count;
    }

    /// <summary>Appends values that are all unknown here.</summary>
    private void Append(LiveDots<TValue> live, MergeResult<TValue>? merged)
    {
        if (live.Count == 0)
        {
            return;
        }

        _live.Append(live);
        if (merged is not null)
        {
            merged.Joined.EnsureCapacity(merged.Joined.Count + live.Count);
            foreach (var (_, value) in live)
            {
                merged.Joined.Add(value);
            }
        }
    }

    /// <summary>Ends the removed values and logs the removals; the caller adds the result to the context.</summary>
    /// <returns>The ticks and the removed dots.</returns>
    private IntervalSet End(ReadOnlySpan<Removal> removals, MergeResult<TValue>? merged)
    {
        var ticks = new IntervalSet();
        var removed = new IntervalSet();
        foreach (var removal in removals)
        {
            foreach (var dot in removal.Removed.Span)
            {
                EndLive(dot, removal.Note, merged);
                removed.Add(dot);
            }

            ticks.Add(removal.Tick);
            Log.Add(removal);
        }

        removed.UnionWith(ticks);
        return removed;
    }

    private static IntervalSet Runs(LiveDots<TValue> live)
    {
        var runs = new IntervalSet();
        var run = default(Interval);
        foreach (var (sequence, _) in live)
        {
            if (run.Last > 0 && sequence > run.Last + 1)
            {
                runs.Add(run);
                run = default;
            }

            run = new Interval(run.Last == 0 ? sequence : run.First, sequence);
        }

        if (run.Last > 0)
        {
            runs.Add(run);
        }

        return runs;
    }

    private void MarkRemoved(ulong sequence, byte note, MergeResult<TValue>? merged)
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
