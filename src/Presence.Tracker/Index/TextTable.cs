using System.Diagnostics.CodeAnalysis;

namespace Presence.Tracker;

/// <summary>A hash table from texts to objects: one writer, any readers, who neither lock nor wait nor try again.</summary>
/// <remarks>
/// Slots are appended to one array and never used for a second text, so a reader may stand on any of them; when the array is full,
/// what lives goes into a new one, and readers finish in the old. In a table of nodes, each text would be one object more
/// for the collector to move, and each addition a write anywhere in old memory for it to look through.
/// </remarks>
internal sealed class TextTable<TValue>
    where TValue : class
{
    private const int Smallest = 16;

    private volatile Table _table = new(Smallest);
    private int _used;
    private int _count;

    public TValue? Find(string text)
    {
        var table = _table;
        var hash = HashOf(text);
        for (var at = table.First(hash); at != 0; at = table.Slots[at - 1].Next)
        {
            ref var slot = ref table.Slots[at - 1];
            if (slot.Hash == hash && string.Equals(slot.Text, text, StringComparison.Ordinal))
            {
                return Volatile.Read(ref slot.Value);
            }
        }

        return null;
    }

    public TValue? Find(ReadOnlySpan<char> text)
    {
        var table = _table;
        var hash = string.GetHashCode(text);
        for (var at = table.First(hash); at != 0; at = table.Slots[at - 1].Next)
        {
            ref var slot = ref table.Slots[at - 1];
            if (slot.Hash == hash && text.SequenceEqual(slot.Text))
            {
                return Volatile.Read(ref slot.Value);
            }
        }

        return null;
    }

    /// <summary>Adds the value if the text has none yet. For the writer.</summary>
    /// <param name="text">The text.</param>
    /// <param name="value">Its value.</param>
    /// <param name="present">The value that the text has already.</param>
    public bool TryAdd(string text, TValue value, [MaybeNullWhen(true)] out TValue present)
    {
        var hash = HashOf(text);
        for (var at = _table.First(hash); at != 0; at = _table.Slots[at - 1].Next)
        {
            ref var slot = ref _table.Slots[at - 1];
            if (slot.Hash == hash && string.Equals(slot.Text, text, StringComparison.Ordinal))
            {
                present = slot.Value!;
                return false;
            }
        }

        if (_used == _table.Slots.Length)
        {
            Rebuild();
        }

        _table.Append(_used++, text, value, hash);
        _count++;
        present = null;
        return true;
    }

    /// <summary>Gives a text that is there another value. For the writer.</summary>
    public void Replace(string text, TValue value)
    {
        var hash = HashOf(text);
        for (var at = _table.First(hash); at != 0; at = _table.Slots[at - 1].Next)
        {
            ref var slot = ref _table.Slots[at - 1];
            if (slot.Hash == hash && string.Equals(slot.Text, text, StringComparison.Ordinal))
            {
                Volatile.Write(ref slot.Value, value);
                return;
            }
        }
    }

    /// <summary>Removes a text if it is there. For the writer.</summary>
    public void Remove(string text)
    {
        var hash = HashOf(text);
        ref var link = ref _table.Link(hash);
        while (link != 0)
        {
            ref var slot = ref _table.Slots[link - 1];
            if (slot.Hash == hash && string.Equals(slot.Text, text, StringComparison.Ordinal))
            {
                // Its way on stays, for a reader that stands here.
                Volatile.Write(ref link, slot.Next);
                slot.Text = null;
                Volatile.Write(ref slot.Value, null);
                _count--;
                break;
            }

            link = ref slot.Next;
        }

        if (_table.Slots.Length > Smallest && _count < _table.Slots.Length / 8)
        {
            Rebuild();
        }
    }

    private static int HashOf(string text) => StringComparer.Ordinal.GetHashCode(text);

    /// <summary>Room for a third more at least, so that a rebuild costs a few moves per addition, whatever was removed meanwhile.</summary>
    private void Rebuild()
    {
        var capacity = Smallest;
        while (_count > capacity / 4 * 3)
        {
            capacity *= 2;
        }

        var from = _table;
        var to = new Table(capacity);
        var used = 0;
        for (var i = 0; i < _used; i++)
        {
            ref var slot = ref from.Slots[i];
            if (slot.Text is { } text)
            {
                to.Append(used++, text, slot.Value!, slot.Hash);
            }
        }

        _used = used;
        _table = to;
    }

    private struct Slot
    {
        public string? Text;
        public TValue? Value;
        public int Hash;

        /// <summary>The next slot of the same chain, counted from 1; 0 at its end. Always an older one.</summary>
        public int Next;
    }

    private sealed class Table(int capacity)
    {
        private readonly int[] _firsts = new int[capacity];

        public Slot[] Slots { get; } = new Slot[capacity];

        public ref int Link(int hash) => ref _firsts[hash & (_firsts.Length - 1)];

        public int First(int hash) => Volatile.Read(ref Link(hash));

        public void Append(int at, string text, TValue value, int hash)
        {
            ref var first = ref Link(hash);
            Slots[at] = new Slot { Text = text, Value = value, Hash = hash, Next = first };
            // Readers come here through the link alone, so the slot is whole when they do.
            Volatile.Write(ref first, at + 1);
        }
    }
}
