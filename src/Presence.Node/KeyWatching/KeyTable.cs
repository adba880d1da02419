using System.Numerics;
using Presence.Tracker.Entries;

namespace Presence.Node.KeyWatching;

/// <summary>The watched keys of one pattern: for each whether it is present, and the edges of its watches.</summary>
/// <remarks>
/// <para>Used with the gate of <see cref="KeyWatches"/> held. A key is here while it has an edge.</para>
/// <para>A hash table of its own, because edges refer to its entries by number: millions of edges without a reference
/// cost the collector nothing.</para>
/// </remarks>
internal sealed class KeyTable
{
    private const int MinCapacity = 16;

    /// <summary>A smaller table is not shrunk.</summary>
    private const int MinTrimmed = 1024;

    private readonly KeyWatchSlots _slots;

    /// <summary>The first entry of each chain. Numbers of entries count from 1; 0 is none.</summary>
    private int[] _buckets = [];
    private Entry[] _entries = [];
    private int _used;
    private int _firstFree;

    public KeyTable(TopicPattern within, KeyWatchSlots slots)
    {
        (Within, _slots) = (within, slots);
        Grow(MinCapacity);
    }

    public TopicPattern Within { get; }

    /// <summary>Gets the number of keys.</summary>
    public int Count { get; private set; }

    public IEnumerable<string> Keys => _entries.Take(_used).Where(entry => entry.Key is not null).Select(e => e.Key!);

    /// <summary>Gets the keys that must be read again.</summary>
    public List<string> Dirty { get; } = [];

    public string KeyOf(in KeyEdge edge) => _entries[edge.Key - 1].Key!;

    /// <summary>Links the edges of a watch. Returns the keys that are new: pass them to <see cref="Set"/>.</summary>
    /// <param name="watch">The watch.</param>
    /// <param name="keys">The keys of its edges, all different.</param>
    public List<string> Add(KeyWatch watch, string[] keys)
    {
        var added = new List<string>();
        if (Count + keys.Length > _entries.Length)
        {
            Grow((Count + keys.Length) * 2);
        }

        for (var i = 0; i < keys.Length; i++)
        {
            ref var edge = ref watch.Edges[i];
            var (place, hash) = (KeyWatchSlots.PlaceOf(watch, i), HashOf(keys[i]));
            var at = Find(keys[i], hash);
            if (at == 0)
            {
                added.Add(keys[i]);
                edge.Key = AddEntry(keys[i], hash);
                edge.Next = KeyWatchSlots.None;
            }
            else
            {
                ref var entry = ref _entries[at - 1];
                (edge.Key, edge.Next) = (at, entry.First);
                _slots.EdgeAt(entry.First).Previous = place;
                watch.Set(i, entry.IsPresent);
            }

            edge.Previous = KeyWatchSlots.None;
            _entries[edge.Key - 1].First = place;
        }

        return added;
    }

    public void Remove(KeyWatch watch)
    {
        foreach (ref readonly var edge in watch.Edges.AsSpan())
        {
            if (edge.Next != KeyWatchSlots.None)
            {
                _slots.EdgeAt(edge.Next).Previous = edge.Previous;
            }

            if (edge.Previous != KeyWatchSlots.None)
            {
                _slots.EdgeAt(edge.Previous).Next = edge.Next;
            }
            else if (edge.Next != KeyWatchSlots.None)
            {
                _entries[edge.Key - 1].First = edge.Next;
            }
            else
            {
                RemoveEntry(edge.Key);
            }
        }

        if (_entries.Length > MinTrimmed && Count < _entries.Length / 8)
        {
            Shrink(Math.Max(Count * 2, MinCapacity));
        }
    }

    /// <summary>Returns whether a key is watched and not known to be present or absent as given.</summary>
    public bool Differs(string key, bool isPresent) =>
        Find(key) is var at && at != 0 && _entries[at - 1].IsPresent != isPresent;

    /// <summary>Records whether a key is present, and calls back for each watch that may see a change of it.</summary>
    public void Set(string key, bool isPresent, Action<KeyWatch> onChange)
    {
        ref var entry = ref _entries[Find(key) - 1];
        if (entry.IsPresent == isPresent)
        {
            return;
        }

        entry.IsPresent = isPresent;
        for (var place = entry.First; place != KeyWatchSlots.None; place = _slots.EdgeAt(place).Next)
        {
            var watch = _slots.WatchAt(place);
            if (watch.Set(KeyWatchSlots.IndexOf(place), isPresent))
            {
                onChange(watch);
            }
        }
    }

    private static int HashOf(string key) => StringComparer.Ordinal.GetHashCode(key);

    private int Find(string key) => Find(key, HashOf(key));

    private int Find(string key, int hash)
    {
        for (var at = Bucket(hash); at != 0; at = _entries[at - 1].Next)
        {
            ref var entry = ref _entries[at - 1];
            if (entry.Hash == hash && string.Equals(entry.Key, key, StringComparison.Ordinal))
            {
                return at;
            }
        }

        return 0;
    }

    private ref int Bucket(int hash) => ref _buckets[hash & (_buckets.Length - 1)];

    private int AddEntry(string key, int hash)
    {
        var at = _firstFree;
        if (at != 0)
        {
            _firstFree = _entries[at - 1].Next;
        }
        else
        {
            at = ++_used;
        }

        _entries[at - 1] = new Entry { Key = key, Hash = hash };
        Chain(at);
        Count++;
        return at;
    }

    private void RemoveEntry(int at)
    {
        ref var entry = ref _entries[at - 1];
        ref var link = ref Bucket(entry.Hash);
        while (link != at)
        {
            link = ref _entries[link - 1].Next;
        }

        link = entry.Next;
        entry = new Entry { Next = _firstFree };
        _firstFree = at;
        Count--;
    }

    private void Grow(int capacity)
    {
        Array.Resize(ref _entries, capacity);
        _buckets = NewBuckets(capacity);
        for (var at = 1; at <= _used; at++)
        {
            if (_entries[at - 1].Key is not null)
            {
                Chain(at);
            }
        }
    }

    /// <summary>Moves the entries together, which gives them new numbers.</summary>
    private void Shrink(int capacity)
    {
        var (entries, used) = (_entries, _used);
        _entries = new Entry[capacity];
        _buckets = NewBuckets(capacity);
        (_used, _firstFree) = (0, 0);
        foreach (ref readonly var entry in entries.AsSpan(0, used))
        {
            if (entry.Key is null)
            {
                continue;
            }

            _entries[_used++] = entry;
            Chain(_used);
            for (var place = entry.First; place != KeyWatchSlots.None; place = _slots.EdgeAt(place).Next)
            {
                _slots.EdgeAt(place).Key = _used;
            }
        }
    }

    private void Chain(int at)
    {
        ref var entry = ref _entries[at - 1];
        ref var bucket = ref Bucket(entry.Hash);
        (entry.Next, bucket) = (bucket, at);
    }

    private static int[] NewBuckets(int capacity) => new int[(int)BitOperations.RoundUpToPowerOf2((uint)capacity)];

    private struct Entry
    {
        /// <summary>The key; null if the entry is free.</summary>
        public string? Key;

        public int Hash;

        /// <summary>The next entry of the chain, or the next free one.</summary>
        public int Next;

        /// <summary>The first of the key's edges.</summary>
        public int First;

        public bool IsPresent;
    }
}

/// <summary>The tables of a tracker, found by topic without a look at those that do not match.</summary>
internal sealed class KeyTables
{
    private readonly Dictionary<string, KeyTable> _topics = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KeyTable> _prefixes = new(StringComparer.Ordinal);

    /// <summary>The number of prefixes by their length.</summary>
    private readonly SortedDictionary<int, int> _lengths = [];

    public IEnumerable<KeyTable> All => _topics.Values.Concat(_prefixes.Values);

    public KeyTable? Find(TopicPattern within) => Of(within).GetValueOrDefault(within.Text);

    public void Add(KeyTable table)
    {
        var within = table.Within;
        Of(within).Add(within.Text, table);
        if (within.IsPrefix)
        {
            _lengths[within.Text.Length] = _lengths.GetValueOrDefault(within.Text.Length) + 1;
        }
    }

    public void Remove(KeyTable table)
    {
        var within = table.Within;
        Of(within).Remove(within.Text);
        if (within.IsPrefix && --_lengths[within.Text.Length] == 0)
        {
            _lengths.Remove(within.Text.Length);
        }
    }

    /// <summary>Adds the tables whose pattern matches the topic: a lookup for the topic, and one per length.</summary>
    public void FindMatching(string topic, List<KeyTable> found)
    {
        if (_topics.TryGetValue(topic, out var exact))
        {
            found.Add(exact);
        }

        var prefixes = _prefixes.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var length in _lengths.Keys)
        {
            if (length > topic.Length)
            {
                return;
            }

            if (prefixes.TryGetValue(topic.AsSpan(0, length), out var table))
            {
                found.Add(table);
            }
        }
    }

    private Dictionary<string, KeyTable> Of(TopicPattern within) => within.IsPrefix ? _prefixes : _topics;
}
