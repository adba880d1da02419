using System.Diagnostics.CodeAnalysis;

namespace Presence.Crdt;

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
internal sealed class ReplicaDots<TValue>
    where TValue : class
{
    private readonly LiveDots<TValue> _live = new();
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

    /// <summary>The live values by sequence number, ascending. Valid until the next change.</summary>
    public LiveDots<TValue> Live => _live;

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
        _live.MakeRoom(values);
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
        removal.Check(nameof(removal));
        foreach (var dead in removal.Removed.Span)
        {
            Kill(dead, removal.Note, merged);
        }

        Kill(removal.Tick, removal.Note, merged);
        Log.Add(removal);
    }

    /// <summary>Learns removals, as if one by one, with one pass over the context for all.</summary>
    /// <param name="removals">Removals, each whole; cheapest in order of their ticks.</param>
    /// <param name="merged">Receives what left.</param>
    /// <exception cref="ArgumentException">One removes a dot that is not before its tick; nothing was learnt.</exception>
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

    /// <summary>Learns that all dots of an interval are dead.</summary>
    /// <param name="interval">The dots.</param>
    /// <param name="merged">Receives what left.</param>
    public void Kill(Interval interval, MergeResult<TValue>? merged = null) => Kill(new IntervalSet(interval), merged);

    /// <summary>
    /// Learns that all dots of a set are dead. Costs its intervals and what lived within them.
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
            // More is dead there than its removals tell.
            KillKnown(other.Dead(), merged);
        }

        // Each dot of it is live or dead, and both were learnt: one pass for all.
        Context.UnionWith(other.Context);

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

        return Context.Length == (ulong)_live.Count ? new IntervalSet() : Context.Except(Runs(_live));
    }

    /// <summary>Sequence numbers of the live values, ascending.</summary>
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

    /// <summary>Live dots within a set, ascending. Costs what is found, and the smaller of the set's intervals and the live values.</summary>
    /// <param name="set">The dots.</param>
    /// <param name="most">How many are looked for at most, the lowest first.</param>
    public List<ulong> LiveWithin(IntervalSet set, int most = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(set);
        var found = new List<ulong>((int)Math.Min(set.Length, (ulong)Math.Min(most, _live.Count)));
        if (set.IntervalCount > _live.Count)
        {
            foreach (var (sequence, _) in _live)
            {
                if (found.Count < most && set.Contains(sequence))
                {
                    found.Add(sequence);
                }
            }

            return found;
        }

        foreach (var (first, last) in set.Intervals)
        {
            for (var at = _live.From(first); found.Count < most && at.MoveNext() && at.Current.Key <= last;)
            {
                found.Add(at.Current.Key);
            }
        }

        return found;
    }

    /// <summary>How many live dots are within a set.</summary>
    internal int CountWithin(IntervalSet set)
    {
        var count = 0;
        foreach (var interval in set.Intervals)
        {
            count += _live.CountWithin(interval);
        }

        return count;
    }

    /// <summary>Learns values none of which can be known here yet.</summary>
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

    /// <summary>Ends what removals name, and remembers them; the caller adds to the context what was named.</summary>
    /// <returns>The ticks and what they removed.</returns>
    private IntervalSet End(ReadOnlySpan<Removal> removals, MergeResult<TValue>? merged)
    {
        var ticks = new IntervalSet();
        var removed = new IntervalSet();
        foreach (var removal in removals)
        {
            foreach (var dead in removal.Removed.Span)
            {
                EndLive(dead, removal.Note, merged);
                removed.Add(dead);
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
