namespace Presence.Crdt;

/// <summary>A page of <see cref="LiveDots{TValue}"/>: ascending numbers, and their values or holes.</summary>
internal sealed class LivePage<TValue>
    where TValue : class
{
    /// <summary>Most numbers of a page.</summary>
    public const int Size = 256;

    /// <summary>Room of the first page of something that may stay small.</summary>
    public const int Smallest = 4;

    /// <summary>Two pages with no more values than this become one.</summary>
    public const int Joined = Size * 3 / 4;

    private ulong[] _numbers;
    private TValue?[] _values;

    public LivePage(int room)
    {
        _numbers = new ulong[room];
        _values = new TValue?[room];
    }

    /// <summary>Numbers, with those of holes.</summary>
    public int Length { get; private set; }

    /// <summary>Values.</summary>
    public int Live { get; private set; }

    /// <summary>Places.</summary>
    public int Room => _numbers.Length;

    public bool IsFull => Length == Size;

    public bool IsSparse => Length >= Smallest * 2 && Live * 2 <= Length;

    public ulong Lowest => _numbers[0];

    public ulong Highest => Length == 0 ? 0 : _numbers[Length - 1];

    public ulong NumberAt(int at) => _numbers[at];

    public KeyValuePair<ulong, TValue> ItemAt(int at) => new(_numbers[at], _values[at]!);

    /// <summary>The first place from <paramref name="at"/> on that is no hole, or -1.</summary>
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

    /// <summary>The first place whose number is not below.</summary>
    public int LowerBound(ulong number)
    {
        if (Length == 0 || number <= _numbers[0])
        {
            return 0;
        }

        // Each number is at least one above the one before, so it cannot stand further away than it is above the first; where
        // nothing is missing between, it stands there.
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

    /// <summary>Appends what fits of another page, from a place on.</summary>
    /// <returns>How many places were taken.</returns>
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

    /// <summary>Adds a value; the page is not full.</summary>
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

    /// <summary>Begins anew, when nothing is left.</summary>
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

    /// <summary>Takes the upper half into a page of its own.</summary>
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

    /// <summary>A page without holes of this one's values and those of the page behind it.</summary>
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
            var room = Math.Min(Size, Math.Max(Length + by, Length * 2));
            Array.Resize(ref _numbers, room);
            Array.Resize(ref _values, room);
        }
    }
}
