using System.Runtime.InteropServices;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>The watched keys of one pattern: for each whether it is present, and the edges of its watches.</summary>
/// <remarks>Used with the gate of <see cref="KeyWatches"/> held. A key is here while it has an edge.</remarks>
internal sealed class KeyTable(TopicPattern within, KeyWatchSlots slots, int capacity)
{
    /// <summary>A smaller table is not shrunk.</summary>
    private const int MinTrimmed = 1024;

    private readonly Dictionary<string, State> _keys = new(capacity, StringComparer.Ordinal);

    public TopicPattern Within => within;

    public int Count => _keys.Count;

    public IEnumerable<string> Keys => _keys.Keys;

    /// <summary>Gets the keys that must be read again.</summary>
    public List<string> Dirty { get; } = [];

    /// <summary>Links the edges of a watch. Returns the keys that are new: pass them to <see cref="Set"/>.</summary>
    public List<string> Add(KeyWatch watch)
    {
        var added = new List<string>();
        for (var i = 0; i < watch.Edges.Length; i++)
        {
            ref var edge = ref watch.Edges[i];
            ref var state = ref CollectionsMarshal.GetValueRefOrAddDefault(_keys, edge.Key, out var exists);
            var place = KeyWatchSlots.PlaceOf(watch, i);
            (edge.Next, edge.Previous) = (exists ? state.First : KeyWatchSlots.None, KeyWatchSlots.None);
            if (exists)
            {
                ref var next = ref slots.EdgeAt(state.First);
                next.Previous = place;
                edge.Key = next.Key;
                watch.Set(i, state.IsPresent);
            }
            else
            {
                added.Add(edge.Key);
            }

            state.First = place;
        }

        return added;
    }

    public void Remove(KeyWatch watch)
    {
        foreach (var edge in watch.Edges)
        {
            if (edge.Next != KeyWatchSlots.None)
            {
                slots.EdgeAt(edge.Next).Previous = edge.Previous;
            }

            if (edge.Previous != KeyWatchSlots.None)
            {
                slots.EdgeAt(edge.Previous).Next = edge.Next;
            }
            else if (edge.Next != KeyWatchSlots.None)
            {
                CollectionsMarshal.GetValueRefOrNullRef(_keys, edge.Key).First = edge.Next;
            }
            else
            {
                _keys.Remove(edge.Key);
            }
        }

        if (_keys.Capacity > MinTrimmed && _keys.Count < _keys.Capacity / 8)
        {
            _keys.TrimExcess(_keys.Count * 2);
        }
    }

    /// <summary>Returns whether a key is watched and not known to be present or absent as given.</summary>
    public bool Differs(string key, bool isPresent) =>
        _keys.TryGetValue(key, out var state) && state.IsPresent != isPresent;

    /// <summary>Records whether a key is present, and calls back for each watch that may see a change of it.</summary>
    public void Set(string key, bool isPresent, Action<KeyWatch> onChange)
    {
        ref var state = ref CollectionsMarshal.GetValueRefOrNullRef(_keys, key);
        if (state.IsPresent == isPresent)
        {
            return;
        }

        state.IsPresent = isPresent;
        for (var place = state.First; place != KeyWatchSlots.None; place = slots.EdgeAt(place).Next)
        {
            var watch = slots.WatchAt(place);
            if (watch.Set(KeyWatchSlots.IndexOf(place), isPresent))
            {
                onChange(watch);
            }
        }
    }

    private struct State
    {
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
