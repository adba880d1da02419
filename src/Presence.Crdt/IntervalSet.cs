namespace Presence.Crdt;

/// <summary>An unbroken run of sequence numbers.</summary>
/// <param name="First">At least 1.</param>
/// <param name="Last">Not before <paramref name="First"/>, and below <see cref="ulong.MaxValue"/>.</param>
internal readonly record struct Interval(ulong First, ulong Last)
{
    /// <summary>How many numbers it holds.</summary>
    public ulong Length => Last - First + 1;
}

/// <summary>A set of sequence numbers, kept as the fewest possible intervals in ascending order.</summary>
/// <remarks>A causal context of one replica is one interval when nothing is missing.</remarks>
internal sealed class IntervalSet
{
    private const int Few = 32;

    private Interval[] _intervals;

    /// <summary>An empty set.</summary>
    public IntervalSet() => _intervals = [];

    /// <summary>A set of the given intervals, in any order.</summary>
    public IntervalSet(params ReadOnlySpan<Interval> intervals)
        : this()
    {
        foreach (var interval in intervals)
        {
            Add(interval);
        }
    }

    /// <summary>How many intervals it takes.</summary>
    public int IntervalCount { get; private set; }

    /// <summary>The intervals in ascending order; neither overlapping nor adjacent. Valid until the next change.</summary>
    public ReadOnlySpan<Interval> Intervals => _intervals.AsSpan(0, IntervalCount);

    /// <summary>The largest number, or 0.</summary>
    public ulong Max => IntervalCount == 0 ? 0 : _intervals[IntervalCount - 1].Last;

    /// <summary>The largest n such that 1..n are all in the set, or 0.</summary>
    public ulong Prefix => IntervalCount > 0 && _intervals[0].First == 1 ? _intervals[0].Last : 0;

    /// <summary>How many numbers are in the set.</summary>
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

    /// <summary>Whether the set is empty or 1..<see cref="Max"/>.</summary>
    public bool IsContiguous => Prefix == Max;

    /// <summary>Whether the number is in the set.</summary>
    public bool Contains(ulong number)
    {
        var at = FirstEndingAtOrAfter(number);
        return at < IntervalCount && _intervals[at].First <= number;
    }

    /// <summary>Adds one number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is 0 or <see cref="ulong.MaxValue"/>.</exception>
    public void Add(ulong number) => Add(new Interval(number, number));

    /// <summary>Adds all numbers of the interval.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It begins at 0, ends before it begins or never ends.</exception>
    public void Add(Interval interval)
    {
        var (first, last) = interval;
        // The neighbours first - 1 and last + 1 are computed below and must not wrap around.
        ArgumentOutOfRangeException.ThrowIfZero(first, nameof(interval));
        ArgumentOutOfRangeException.ThrowIfLessThan(last, first, nameof(interval));
        ArgumentOutOfRangeException.ThrowIfEqual(last, ulong.MaxValue, nameof(interval));
        // Everything from the first interval that touches the new one to the last that does becomes one.
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

    /// <summary>Adds all numbers of the other set. Many intervals cost one pass over what is not below them.</summary>
    public void UnionWith(IntervalSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.IntervalCount > Few)
        {
            // One by one, each would move all that is behind it: quadratic where both are full of gaps.
            Interleave(other);
            return;
        }

        foreach (var interval in other.Intervals)
        {
            Add(interval);
        }
    }

    /// <summary>The numbers of this set that are not in <paramref name="other"/>.</summary>
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

    /// <summary>
    /// The same set if it takes at most <paramref name="most"/> intervals, else the contiguous prefix: less than what is
    /// known, never more.
    /// </summary>
    public IntervalSet Bounded(int most) => IntervalCount <= most
        ? Copy()
        : Prefix == 0 ? new IntervalSet() : new IntervalSet(new Interval(1, Prefix));

    /// <summary>A set of its own with the same numbers.</summary>
    public IntervalSet Copy() => new(Intervals);

    /// <summary>The intervals, for a log.</summary>
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
