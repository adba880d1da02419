namespace Presence.Crdt;

/// <summary>One removal: a tick and the dots that died with it. It travels whole or not at all.</summary>
/// <param name="Tick">The sequence number that the removal itself consumed; it never had a value.</param>
/// <param name="Note">A number of the user's that travels with the removal, such as a reason.</param>
/// <param name="Removed">Sequence numbers of the values that it ended, all below the tick.</param>
internal readonly record struct Removal(ulong Tick, byte Note, ReadOnlyMemory<ulong> Removed)
{
    /// <exception cref="ArgumentException">It removes a dot that is not before its tick.</exception>
    internal void Check(string parameter)
    {
        foreach (var dead in Removed.Span)
        {
            if (dead == 0 || dead >= Tick)
            {
                throw new ArgumentException($"The removal {Tick} cannot end {dead}, which is not before it.", parameter);
            }
        }
    }
}

/// <summary>
/// The recent removals of one replica, in order of their ticks, bounded by the number of dots they removed. It lets
/// repair send the removals that a peer missed instead of all dead intervals.
/// </summary>
internal sealed class RemovalLog
{
    private Removal[] _removals = [];
    private int _first;
    private int _count;

    /// <summary>A log that forgets its oldest removals beyond <paramref name="capacity"/> removed dots.</summary>
    /// <param name="capacity">At least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The capacity is below 1.</exception>
    public RemovalLog(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        Capacity = capacity;
    }

    /// <summary>Removed dots that are remembered at most; a single larger removal is kept alone.</summary>
    public int Capacity { get; }

    /// <summary>Removals in the log.</summary>
    public int Count => _count;

    /// <summary>Dots removed by the removals in the log.</summary>
    public int DotCount { get; private set; }

    /// <summary>The removals, ascending by tick. Valid until the next change.</summary>
    public ReadOnlySpan<Removal> Removals => _removals.AsSpan(_first, _count);

    /// <summary>Remembers a removal; one that is known already changes nothing.</summary>
    public void Add(Removal removal)
    {
        var at = LowerBound(removal.Tick);
        if (at < _count && _removals[_first + at].Tick == removal.Tick)
        {
            return;
        }

        if (_first + _count == _removals.Length)
        {
            MakeRoom();
        }

        var to = _first + at;
        Array.Copy(_removals, to, _removals, to + 1, _count - at);
        _removals[to] = removal;
        _count++;
        DotCount += removal.Removed.Length;
        // A removal of nothing must not be free, or a log of such would grow for ever.
        while (Math.Max(DotCount, _count) > Capacity && _count > 1)
        {
            DotCount -= _removals[_first].Removed.Length;
            _removals[_first++] = default;
            _count--;
        }
    }

    /// <summary>The removals whose ticks are in the interval.</summary>
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

    private void MakeRoom()
    {
        // Forgotten removals leave room at the front; reuse it when it is at least half, so that adding stays amortised O(1).
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
