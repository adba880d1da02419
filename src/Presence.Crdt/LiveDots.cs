using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Presence.Crdt;

/// <summary>The live values of one replica by sequence number, ascending.</summary>
/// <remarks>
/// Sorted pages of numbers with their values beside. A replica's numbers mostly come in ascending order, so to add is to append,
/// and a state is taken page by page; one that ended leaves a hole, and a page that is half holes is made anew.
/// What is enumerated is valid until the next change.
/// </remarks>
/// <typeparam name="TValue">A value; immutable.</typeparam>
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

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>The numbers, ascending.</summary>
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

    /// <summary>The values, ascending by number.</summary>
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

    /// <summary>Nothing live is below.</summary>
    internal ulong LowerBound => _pageCount == 0 ? ulong.MaxValue : _firsts[0];

    /// <summary>How many there is room for in all pages: for tests of what it takes.</summary>
    internal int Room
    {
        get
        {
            var room = 0;
            foreach (var page in _pages.AsSpan(0, _pageCount))
            {
                room += page.Room;
            }

            return room;
        }
    }

    /// <summary>The value of a number.</summary>
    /// <exception cref="KeyNotFoundException">It has none.</exception>
    public TValue this[ulong key] =>
        TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"{key} is not live.");

    /// <summary>Whether the number has a value.</summary>
    public bool ContainsKey(ulong key) => TryGetValue(key, out _);

    /// <summary>The value of a number, if it has one.</summary>
    public bool TryGetValue(ulong key, [MaybeNullWhen(false)] out TValue value)
    {
        value = PageFor(key) is var page && page >= 0 ? _pages[page].Find(key) : null;
        return value is not null;
    }

    /// <summary>Enumerates all, ascending.</summary>
    public Enumerator GetEnumerator() => new(this, 0, -1);

    /// <summary>Enumerates what is not below a number, ascending.</summary>
    public Enumerator From(ulong number)
    {
        var page = Math.Max(0, PageFor(number));
        return new(this, page, _pageCount == 0 ? -1 : _pages[page].LowerBound(number) - 1);
    }

    IEnumerator<KeyValuePair<ulong, TValue>> IEnumerable<KeyValuePair<ulong, TValue>>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal void MakeRoom(int values)
    {
        if (_pageCount == 0 && values > 0)
        {
            InsertPage(0, new LivePage<TValue>(Math.Min(values, LivePage<TValue>.Size)), ulong.MaxValue);
        }
    }

    /// <summary>Adds a value under a number that has none.</summary>
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

    /// <summary>Adds all of another, which are above all that is here or ever was.</summary>
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

    /// <summary>Takes a value out.</summary>
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

    /// <summary>How many are within an interval.</summary>
    internal int CountWithin(Interval interval)
    {
        var count = 0;
        for (var at = Math.Max(0, PageFor(interval.First)); at < _pageCount && _firsts[at] <= interval.Last; at++)
        {
            var page = _pages[at];
            count += page.Lowest >= interval.First && page.Highest <= interval.Last ? page.Live : page.CountWithin(interval);
        }

        return count;
    }

    /// <summary>The last page that begins at or before a number, or -1.</summary>
    private int PageFor(ulong number)
    {
        // Numbers are looked for in runs.
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

    /// <summary>The first page grows with what is in it, for most deltas are small; whoever has filled one will fill more.</summary>
    private void AddPage(ulong first) =>
        InsertPage(_pageCount, new LivePage<TValue>(_pageCount == 0 ? LivePage<TValue>.Smallest : LivePage<TValue>.Size), first);

    private void InsertPage(int at, LivePage<TValue> page, ulong first)
    {
        if (_pageCount == _pages.Length)
        {
            var room = Math.Max(1, _pageCount * 2);
            Array.Resize(ref _pages, room);
            Array.Resize(ref _firsts, room);
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

    /// <summary>Walks the values in ascending order. A struct: enumerate it in place.</summary>
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

        /// <summary>The number and its value.</summary>
        public readonly KeyValuePair<ulong, TValue> Current => _dots._pages[_page].ItemAt(_at);

        readonly object IEnumerator.Current => Current;

        /// <summary>Steps to the next; false behind the last.</summary>
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

        /// <summary>Nothing to do.</summary>
        public readonly void Dispose()
        {
        }
    }
}
