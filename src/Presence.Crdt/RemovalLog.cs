namespace Presence.Crdt;

/// <summary>One removal: a tick and the removed dots. Never split over frames.</summary>
/// <param name="Tick">The sequence number of the removal itself; it never has a value.</param>
/// <param name="Note">An application-defined number, such as a reason.</param>
/// <param name="Removed">Sequence numbers of the removed values, all below the tick.</param>
internal readonly record struct Removal(ulong Tick, byte Note, ReadOnlyMemory<ulong> Removed)
{
    /// <exception cref="ArgumentException">A removed dot is not below the tick.</exception>
    internal void Check(string parameter)
    {
        foreach (var removed in Removed.Span)
        {
            if (removed == 0 || removed >= Tick)
            {
                throw new ArgumentException($"Removal {Tick} names {removed}, which is not below it.", parameter);
            }
        }
    }
}

/// <summary>
/// The recent removals of one replica in order of ticks, bounded by the number of removed dots. Repair sends missing
/// removals from it instead of all removed intervals.
/// </summary>
internal sealed class RemovalLog
{
    private Removal[] _removals = [];
    private int _first;
    private int _count;

    /// <summary>Creates a log that drops its oldest removals beyond <paramref name="capacity"/> removed dots.</summary>
    /// <param name="capacity">At least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The capacity is below 1.</exception>
    public RemovalLog(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        Capacity = capacity;
    }

    /// <summary>Gets the maximum number of removed dots; a single larger removal is kept alone.</summary>
    public int Capacity { get; }

    public int Count => _count;

    public int DotCount { get; private set; }

    /// <summary>Gets the removals, ascending by tick. Valid until the next change.</summary>
    public ReadOnlySpan<Removal> Removals => _removals.AsSpan(_first, _count);

    /// <summary>Adds a removal; ignores a known one.</summary>
    public void Add(Removal removal)
    {
        var at = LowerBound(removal.Tick);
        if (at < _count && _removals[_first + at].Tick == removal.Tick)
        {
            return;
        }

        if (_first + _count == _removals.Length)
        {
            EnsureCapacity();
        }

        var to = _first + at;
        Array.Copy(_removals, to, _removals, to + 1, _count - at);
        _removals[to] = removal;
        _count++;
        DotCount += removal.Removed.Length;
        // Empty removals count too, otherwise a log of them would be unbounded.
        while (Math.Max(DotCount, _count) > Capacity && _count > 1)
        {
            DotCount -= _removals[_first].Removed.Length;
            _removals[_first++] = default;
            _count--;
        }
    }

    /// <summary>Returns the removals whose ticks are in the interval.</summary>
    public ReadOnlySpan<Removal> Within(Interval ticks)
    {
        var from = LowerBound(ticks.First);
        var to = ticks.Last == ulong.MaxValue ? _count : LowerBound(ticks.Last + 1);
        return _removals.AsSpan(_first + from, to - from);
    }

    private int LowerBound(ulong tick)
    {
        int low = 0, high = _count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_removals[_first + middle].Tick < tick)
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

    private void EnsureCapacity()
    {
        // Dropped removals leave space at the front; reusing it from half on keeps adding amortised O(1).
        var to = _first >= _removals.Length / 2 && _first > 0
            ? _removals
            : new Removal[Math.Max(4, _removals.Length * 2)];
        Array.Copy(_removals, _first, to, 0, _count);
        if (to == _removals)
        {
            Array.Clear(to, _count, to.Length - _count);
        }

        _removals = to;
        _first = 0;
    }
}
