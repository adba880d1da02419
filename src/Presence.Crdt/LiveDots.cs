using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Presence.Crdt;

/// <summary>The live values of one replica by sequence number, ascending.</summary>
/// <remarks>
/// Sorted pages of numbers and values. Numbers of a replica mostly arrive in ascending order, so adding is appending,
/// and a new state is copied page by page. A removed value leaves a hole; a page with half holes is compacted.
/// Enumerations are valid until the next change.
/// </remarks>
/// <typeparam name="TValue">The immutable value.</typeparam>
internal sealed class LiveDots<TValue> : IReadOnlyDictionary<ulong, TValue>
    where TValue : class
{
    private LivePage<TValue>[] _pages = [];
    private ulong[] _firsts = [];
    private int _pageCount;
    private int _last;

    internal LiveDots()
    {
    }

    public int Count { get; private set; }

    /// <summary>Gets the numbers, ascending.</summary>
    public IEnumerable<ulong> Keys
    {
        get
        {
            foreach (var (number, _) in this)
            {
                yield return number;
            }
        }
    }

    /// <summary>Gets the values, ascending by number.</summary>
    public IEnumerable<TValue> Values
    {
        get
        {
            foreach (var (_, value) in this)
            {
                yield return value;
            }
        }
    }

    /// <summary>Gets a lower bound of the live numbers.</summary>
    internal ulong LowerBound => _pageCount == 0 ? ulong.MaxValue : _firsts[0];

    /// <summary>Gets the capacity of all pages, for tests.</summary>
    internal int Capacity
    {
        get
        {
            var capacity = 0;
            foreach (var page in _pages.AsSpan(0, _pageCount))
            {
                capacity += page.Capacity;
            }

            return capacity;
        }
    }

    /// <summary>Gets the value of a number.</summary>
    /// <exception cref="KeyNotFoundException">The number has no value.</exception>
    public TValue this[ulong key] =>
        TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"{key} is not live.");

    public bool ContainsKey(ulong key) => TryGetValue(key, out _);

    /// <summary>Returns the value of a number, if any.</summary>
    public bool TryGetValue(ulong key, [MaybeNullWhen(false)] out TValue value)
    {
        value = PageFor(key) is var page && page >= 0 ? _pages[page].Find(key) : null;
        return value is not null;
    }

    public Enumerator GetEnumerator() => new(this, 0, -1);

    /// <summary>Enumerates the values from a number on, ascending.</summary>
    public Enumerator From(ulong number)
    {
        var page = Math.Max(0, PageFor(number));
        return new(this, page, _pageCount == 0 ? -1 : _pages[page].LowerBound(number) - 1);
    }

    IEnumerator<KeyValuePair<ulong, TValue>> IEnumerable<KeyValuePair<ulong, TValue>>.GetEnumerator() =>
        GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal void EnsureCapacity(int values)
    {
        if (_pageCount == 0 && values > 0)
        {
            InsertPage(0, new LivePage<TValue>(Math.Min(values, LivePage<TValue>.Size)), ulong.MaxValue);
        }
    }

    /// <summary>Adds the value of a number that has none.</summary>
    internal void Add(ulong number, TValue value)
    {
        Count++;
        var at = _pageCount - 1;
        if (at >= 0 && _pages[at].TryAppend(number, value))
        {
            _firsts[at] = Math.Min(_firsts[at], number);
            return;
        }

        if (at < 0 || number > _pages[at].Highest)
        {
            AddPage(number);
            _pages[_pageCount - 1].TryAppend(number, value);
            return;
        }

        at = Math.Max(0, PageFor(number));
        if (_pages[at].IsFull)
        {
            var upper = _pages[at].Split();
            InsertPage(at + 1, upper, upper.Lowest);
            at += number >= upper.Lowest ? 1 : 0;
        }

        _pages[at].Insert(number, value);
        _firsts[at] = Math.Min(_firsts[at], number);
    }

    /// <summary>Appends other values, whose numbers are above all that were ever added here.</summary>
    internal void Append(LiveDots<TValue> others)
    {
        foreach (var page in others._pages.AsSpan(0, others._pageCount))
        {
            for (var from = 0; from < page.Length;)
            {
                if (_pageCount == 0 || _pages[_pageCount - 1].IsFull)
                {
                    AddPage(page.NumberAt(from));
                }

                var last = _pageCount - 1;
                _firsts[last] = Math.Min(_firsts[last], page.NumberAt(from));
                from += _pages[last].Append(page, from);
            }
        }

        Count += others.Count;
    }

    /// <summary>Removes the value of a number.</summary>
    internal bool Remove(ulong number, [MaybeNullWhen(false)] out TValue value)
    {
        var at = PageFor(number);
        value = at < 0 ? null : _pages[at].Remove(number);
        if (value is null)
        {
            return false;
        }

        Count--;
        var page = _pages[at];
        if (page.Live == 0 && _pageCount == 1)
        {
            page.Clear();
            _firsts[0] = ulong.MaxValue;
        }
        else if (page.Live == 0)
        {
            RemovePage(at);
        }
        else if (page.IsSparse)
        {
            JoinAround(at);
        }

        return true;
    }

    /// <summary>Counts the values in an interval.</summary>
    internal int CountWithin(Interval interval)
    {
        var count = 0;
        for (var at = Math.Max(0, PageFor(interval.First)); at < _pageCount && _firsts[at] <= interval.Last; at++)
        {
            var page = _pages[at];
            var isWithin = page.Lowest >= interval.First && page.Highest <= interval.Last;
            count += isWithin ? page.Live : page.CountWithin(interval);
        }

        return count;
    }

    /// <summary>Returns the last page that starts at or before a number, or -1.</summary>
    private int PageFor(ulong number)
    {
        // Successive lookups are mostly adjacent.
        var at = _last;
        if (at < _pageCount && _firsts[at] <= number && (at + 1 == _pageCount || number < _firsts[at + 1]))
        {
            return at;
        }

        int low = 0, high = _pageCount;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_firsts[middle] <= number)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        _last = Math.Max(0, low - 1);
        return low - 1;
    }

    private void JoinAround(int at)
    {
        var left = at > 0 && _pages[at - 1].Live + _pages[at].Live <= LivePage<TValue>.Joined ? at - 1 : at;
        var right = left + 1;
        if (right < _pageCount && _pages[left].Live + _pages[right].Live <= LivePage<TValue>.Joined)
        {
            _pages[left] = _pages[left].With(_pages[right]);
            RemovePage(right);
        }
        else
        {
            _pages[at] = _pages[at].With(null);
        }
    }

    /// <summary>Adds a page. Only the first starts small, because most deltas are small.</summary>
    private void AddPage(ulong first) =>
        InsertPage(_pageCount, new(_pageCount == 0 ? LivePage<TValue>.MinCapacity : LivePage<TValue>.Size), first);

    private void InsertPage(int at, LivePage<TValue> page, ulong first)
    {
        if (_pageCount == _pages.Length)
        {
            var capacity = Math.Max(1, _pageCount * 2);
            Array.Resize(ref _pages, capacity);
            Array.Resize(ref _firsts, capacity);
        }

        Array.Copy(_pages, at, _pages, at + 1, _pageCount - at);
        Array.Copy(_firsts, at, _firsts, at + 1, _pageCount - at);
        _pages[at] = page;
        _firsts[at] = first;
        _pageCount++;
    }

    private void RemovePage(int at)
    {
        _pageCount--;
        Array.Copy(_pages, at + 1, _pages, at, _pageCount - at);
        Array.Copy(_firsts, at + 1, _firsts, at, _pageCount - at);
        _pages[_pageCount] = null!;
    }

    /// <summary>Enumerates the values in ascending order. A mutable struct: do not copy it.</summary>
    public struct Enumerator : IEnumerator<KeyValuePair<ulong, TValue>>
    {
        private readonly LiveDots<TValue> _dots;
        private int _page;
        private int _at;

        internal Enumerator(LiveDots<TValue> dots, int page, int before)
        {
            _dots = dots;
            _page = page;
            _at = before;
        }

        /// <summary>Gets the current number and value.</summary>
        public readonly KeyValuePair<ulong, TValue> Current => _dots._pages[_page].ItemAt(_at);

        readonly object IEnumerator.Current => Current;

        /// <summary>Moves to the next value; returns false after the last.</summary>
        public bool MoveNext()
        {
            for (; _page < _dots._pageCount; _page++, _at = -1)
            {
                _at = _dots._pages[_page].NextLive(_at + 1);
                if (_at >= 0)
                {
                    return true;
                }
            }

            return false;
        }

        /// <summary>Not supported.</summary>
        /// <exception cref="NotSupportedException">Always.</exception>
        public readonly void Reset() => throw new NotSupportedException();

        public readonly void Dispose()
        {
        }
    }
}
