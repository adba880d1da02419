namespace Presence.Crdt;

/// <summary>A page of <see cref="LiveDots{TValue}"/>: ascending numbers with values or holes.</summary>
internal sealed class LivePage<TValue>
    where TValue : class
{
    /// <summary>Maximum number of entries of a page.</summary>
    public const int Size = 256;

    /// <summary>Initial capacity of the first page.</summary>
    public const int MinCapacity = 4;

    /// <summary>Two pages with at most this many values are joined.</summary>
    public const int Joined = Size * 3 / 4;

    private ulong[] _numbers;
    private TValue?[] _values;

    public LivePage(int capacity)
    {
        _numbers = new ulong[capacity];
        _values = new TValue?[capacity];
    }

    /// <summary>Gets the number of entries, including holes.</summary>
    public int Length { get; private set; }

    /// <summary>Gets the number of values.</summary>
    public int Live { get; private set; }

    public int Capacity => _numbers.Length;

    public bool IsFull => Length == Size;

    public bool IsSparse => Length >= MinCapacity * 2 && Live * 2 <= Length;

    public ulong Lowest => _numbers[0];

    public ulong Highest => Length == 0 ? 0 : _numbers[Length - 1];

    public ulong NumberAt(int at) => _numbers[at];

    public KeyValuePair<ulong, TValue> ItemAt(int at) => new(_numbers[at], _values[at]!);

    /// <summary>Returns the first index from <paramref name="at"/> on that is no hole, or -1.</summary>
    public int NextLive(int at)
    {
        for (; at < Length; at++)
        {
            if (_values[at] is not null)
            {
                return at;
            }
        }

        return -1;
    }

    /// <summary>Returns the first index whose number is not below the given one.</summary>
    public int LowerBound(ulong number)
    {
        if (Length == 0 || number <= _numbers[0])
        {
            return 0;
        }

        // Numbers are distinct, so the difference to the first number bounds the index; without gaps it is the index.
        var guess = number - _numbers[0];
        int low = 1, high = Length;
        if (guess < (ulong)Length)
        {
            if (_numbers[(int)guess] == number)
            {
                return (int)guess;
            }

            high = (int)guess;
        }

        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_numbers[middle] < number)
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

    public TValue? Find(ulong number)
    {
        var at = LowerBound(number);
        return at < Length && _numbers[at] == number ? _values[at] : null;
    }

    public bool TryAppend(ulong number, TValue value)
    {
        if (Length == Size || number <= Highest)
        {
            return false;
        }

        Grow(1);
        _numbers[Length] = number;
        _values[Length++] = value;
        Live++;
        return true;
    }

    /// <summary>Appends entries of another page from an index on, as many as fit.</summary>
    /// <returns>The number of appended entries.</returns>
    public int Append(LivePage<TValue> page, int from)
    {
        var count = Math.Min(Size - Length, page.Length - from);
        Grow(count);
        Array.Copy(page._numbers, from, _numbers, Length, count);
        Array.Copy(page._values, from, _values, Length, count);
        for (var end = Length + count; Length < end; Length++)
        {
            Live += _values[Length] is null ? 0 : 1;
        }

        return count;
    }

    /// <summary>Adds a value to a page that is not full.</summary>
    public void Insert(ulong number, TValue value)
    {
        var at = LowerBound(number);
        Live++;
        if (at < Length && _numbers[at] == number)
        {
            _values[at] = value;
            return;
        }

        Grow(1);
        Array.Copy(_numbers, at, _numbers, at + 1, Length - at);
        Array.Copy(_values, at, _values, at + 1, Length - at);
        _numbers[at] = number;
        _values[at] = value;
        Length++;
    }

    public TValue? Remove(ulong number)
    {
        var at = LowerBound(number);
        if (at == Length || _numbers[at] != number || _values[at] is not { } value)
        {
            return null;
        }

        _values[at] = null;
        Live--;
        return value;
    }

    /// <summary>Clears a page without values.</summary>
    public void Clear() => Length = 0;

    public int CountWithin(Interval interval)
    {
        var count = 0;
        for (var at = LowerBound(interval.First); at < Length && _numbers[at] <= interval.Last; at++)
        {
            count += _values[at] is null ? 0 : 1;
        }

        return count;
    }

    /// <summary>Moves the upper half to a new page.</summary>
    public LivePage<TValue> Split()
    {
        var half = Length / 2;
        var upper = new LivePage<TValue>(Size);
        upper.Append(this, half);
        Live -= upper.Live;
        Array.Clear(_values, half, Length - half);
        Length = half;
        return upper;
    }

    /// <summary>Returns a page without holes of the values of this and the next page.</summary>
    public LivePage<TValue> With(LivePage<TValue>? next)
    {
        var page = new LivePage<TValue>(Math.Min(Size, (Live + (next?.Live ?? 0)) * 5 / 4 + 1));
        page.AppendLive(this);
        if (next is not null)
        {
            page.AppendLive(next);
        }

        return page;
    }

    private void AppendLive(LivePage<TValue> from)
    {
        for (var at = from.NextLive(0); at >= 0; at = from.NextLive(at + 1))
        {
            _numbers[Length] = from._numbers[at];
            _values[Length++] = from._values[at];
            Live++;
        }
    }

    private void Grow(int by)
    {
        if (Length + by > _numbers.Length)
        {
            var capacity = Math.Min(Size, Math.Max(Length + by, Length * 2));
            Array.Resize(ref _numbers, capacity);
            Array.Resize(ref _values, capacity);
        }
    }
}
