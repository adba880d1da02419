namespace Presence.Crdt;

/// <summary>A contiguous range of sequence numbers.</summary>
/// <param name="First">At least 1.</param>
/// <param name="Last">Not before <paramref name="First"/>, and below <see cref="ulong.MaxValue"/>.</param>
internal readonly record struct Interval(ulong First, ulong Last)
{
    /// <summary>Gets the number of sequence numbers.</summary>
    public ulong Length => Last - First + 1;
}

/// <summary>A set of sequence numbers, stored as the fewest intervals in ascending order.</summary>
/// <remarks>The causal context of one replica is one interval if nothing is missing.</remarks>
internal sealed class IntervalSet
{
    private const int MaxAddedSingly = 32;

    private Interval[] _intervals;

    /// <summary>Creates an empty set.</summary>
    public IntervalSet() => _intervals = [];

    /// <summary>Creates a set of intervals, given in any order.</summary>
    public IntervalSet(params ReadOnlySpan<Interval> intervals)
        : this()
    {
        foreach (var interval in intervals)
        {
            Add(interval);
        }
    }

    public int IntervalCount { get; private set; }

    /// <summary>Gets the intervals, ascending, neither overlapping nor adjacent. Valid until the next change.</summary>
    public ReadOnlySpan<Interval> Intervals => _intervals.AsSpan(0, IntervalCount);

    /// <summary>Gets the largest number, or 0.</summary>
    public ulong Max => IntervalCount == 0 ? 0 : _intervals[IntervalCount - 1].Last;

    /// <summary>Gets the largest n such that 1..n are all in the set, or 0.</summary>
    public ulong Prefix => IntervalCount > 0 && _intervals[0].First == 1 ? _intervals[0].Last : 0;

    /// <summary>Gets the number of sequence numbers in the set.</summary>
    internal ulong Length
    {
        get
        {
            var length = 0UL;
            foreach (var interval in Intervals)
            {
                length += interval.Length;
            }

            return length;
        }
    }

    /// <summary>Gets whether the set is empty or 1..<see cref="Max"/>.</summary>
    public bool IsContiguous => Prefix == Max;

    public bool Contains(ulong number)
    {
        var at = FirstEndingAtOrAfter(number);
        return at < IntervalCount && _intervals[at].First <= number;
    }

    /// <summary>Adds one number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is 0 or <see cref="ulong.MaxValue"/>.</exception>
    public void Add(ulong number) => Add(new Interval(number, number));

    /// <summary>Adds all numbers of the interval.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It starts at 0, ends before its start or never ends.</exception>
    public void Add(Interval interval)
    {
        var (first, last) = interval;
        // first - 1 and last + 1 are computed below and must not overflow.
        ArgumentOutOfRangeException.ThrowIfZero(first, nameof(interval));
        ArgumentOutOfRangeException.ThrowIfLessThan(last, first, nameof(interval));
        ArgumentOutOfRangeException.ThrowIfEqual(last, ulong.MaxValue, nameof(interval));
        // All intervals that touch the new one are merged with it.
        var from = IntervalCount > 0 && _intervals[IntervalCount - 1].Last < first - 1
            ? IntervalCount
            : FirstEndingAtOrAfter(first - 1);
        var to = from;
        while (to < IntervalCount && _intervals[to].First <= last + 1)
        {
            first = Math.Min(first, _intervals[to].First);
            last = Math.Max(last, _intervals[to].Last);
            to++;
        }

        if (to == from)
        {
            if (IntervalCount == _intervals.Length)
            {
                Array.Resize(ref _intervals, Math.Max(1, IntervalCount * 2));
            }

            Array.Copy(_intervals, from, _intervals, from + 1, IntervalCount - from);
            IntervalCount++;
        }
        else if (to > from + 1)
        {
            Array.Copy(_intervals, to, _intervals, from + 1, IntervalCount - to);
            IntervalCount -= to - from - 1;
        }

        _intervals[from] = new Interval(first, last);
    }

    /// <summary>Adds all numbers of another set. Many intervals are merged in one pass.</summary>
    public void UnionWith(IntervalSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.IntervalCount > MaxAddedSingly)
        {
            // Adding one by one moves all later intervals each time: quadratic if both have many gaps.
            Interleave(other);
            return;
        }

        foreach (var interval in other.Intervals)
        {
            Add(interval);
        }
    }

    /// <summary>Returns the numbers of this set that are not in <paramref name="other"/>.</summary>
    public IntervalSet Except(IntervalSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var result = new IntervalSet();
        foreach (var (first, last) in Intervals)
        {
            var next = first;
            for (var i = other.FirstEndingAtOrAfter(first); i < other.IntervalCount && next <= last; i++)
            {
                var hole = other._intervals[i];
                if (hole.First > last)
                {
                    break;
                }

                if (hole.First > next)
                {
                    result.Add(new Interval(next, hole.First - 1));
                }

                next = hole.Last + 1;
            }

            if (next <= last)
            {
                result.Add(new Interval(next, last));
            }
        }

        return result;
    }

    /// <summary>Returns the numbers of this set up to <paramref name="last"/>.</summary>
    public IntervalSet UpTo(ulong last)
    {
        var count = FirstEndingAtOrAfter(last);
        var result = new IntervalSet(Intervals[..count]);
        if (count < IntervalCount && _intervals[count].First <= last)
        {
            result.Add(_intervals[count] with { Last = last });
        }

        return result;
    }

    /// <summary>
    /// Returns a copy if the set has at most <paramref name="maxIntervals"/> intervals, else the contiguous prefix: a
    /// subset, never more.
    /// </summary>
    public IntervalSet Bounded(int maxIntervals) => IntervalCount <= maxIntervals
        ? Copy()
        : Prefix == 0 ? new IntervalSet() : new IntervalSet(new Interval(1, Prefix));

    public IntervalSet Copy() => new(Intervals);

    /// <summary>Returns the intervals as text.</summary>
    public override string ToString() =>
        string.Join(",", Intervals.ToArray().Select(i => i.First == i.Last ? $"{i.First}" : $"{i.First}-{i.Last}"));

    private void Interleave(IntervalSet other)
    {
        var from = FirstEndingAtOrAfter(other._intervals[0].First - 1);
        var tail = _intervals[from..IntervalCount];
        var added = other.Intervals.ToArray();
        IntervalCount = from;
        int mine = 0, theirs = 0;
        while (mine < tail.Length || theirs < added.Length)
        {
            var isMine = theirs == added.Length || (mine < tail.Length && tail[mine].First <= added[theirs].First);
            Add(isMine ? tail[mine++] : added[theirs++]);
        }
    }

    private int FirstEndingAtOrAfter(ulong number)
    {
        int low = 0, high = IntervalCount;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_intervals[middle].Last < number)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
