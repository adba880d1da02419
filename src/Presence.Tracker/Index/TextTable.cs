using System.Diagnostics.CodeAnalysis;

namespace Presence.Tracker.Index;

/// <summary>A hash table from texts to objects: one writer, any number of lock-free readers.</summary>
/// <remarks>
/// <para>A directory of small tables (extendible hashing, Fagin and others, 1979). A full table is split in two:
/// each growth step copies a few hundred slots, and no array reaches the large object heap with its full
/// collections.</para>
/// <para>Slots are appended to an array and never reused for another text, so concurrent readers stay valid. A removed
/// text leaves an empty slot, which it reuses when it returns, as most do. When the array is full, or by
/// <see cref="Trim"/>, live slots are copied to a new array while readers finish in the old one. A table of nodes would
/// cost the collector one object to move per text and writes all over old memory.</para>
/// </remarks>
internal sealed class TextTable<TValue>
    where TValue : class
{
    private const int MinCapacity = 16;

    /// <summary>Slots of a table before it is split: 48 KiB, below the large object heap.</summary>
    private const int MaxCapacity = 2048;

    /// <summary>Bits of a hash that select a table; the others select a chain in it.</summary>
    private const int MaxBits = 20;

    /// <summary>Tables per <see cref="Trim"/>: a fraction of a millisecond.</summary>
    private const int MaxTrimmed = 32;

    private volatile Table[] _directory = [new Table(MinCapacity, bits: 0)];
    private int _count;
    private int _trimmed;

    /// <summary>Gets the number of slots of all tables, for tests.</summary>
    internal int Capacity => _directory.Distinct().Sum(table => table.Slots.Length);

    public TValue? Find(string text)
    {
        var hash = HashOf(text);
        var table = TableOf(hash);
        var at = table.Find(text, hash);
        return at == 0 ? null : Volatile.Read(ref table.Slots[at - 1].Value);
    }

    public TValue? Find(ReadOnlySpan<char> text)
    {
        var hash = string.GetHashCode(text);
        var table = TableOf(hash);
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
    /// <param name="present">The existing value.</param>
    public bool TryAdd(string text, TValue value, [MaybeNullWhen(true)] out TValue present)
    {
        var hash = HashOf(text);
        var table = TableOf(hash);
        var at = table.Find(text, hash);
        present = at == 0 ? null : table.Slots[at - 1].Value;
        if (present is not null)
        {
            return false;
        }

        _count++;
        if (at != 0)
        {
            table.Live++;
            Volatile.Write(ref table.Slots[at - 1].Value, value);
            return true;
        }

        while (table.IsFull)
        {
            Rebuild(table, hash);
            table = TableOf(hash);
        }

        table.Append(text, value, hash);
        return true;
    }

    /// <summary>Replaces the value of an existing text. For the writer.</summary>
    public void Replace(string text, TValue value)
    {
        var hash = HashOf(text);
        var table = TableOf(hash);
        if (table.Find(text, hash) is var at && at != 0 && table.Slots[at - 1].Value is not null)
        {
            Volatile.Write(ref table.Slots[at - 1].Value, value);
        }
    }

    /// <summary>Removes a text if it exists. For the writer.</summary>
    public void Remove(string text)
    {
        var hash = HashOf(text);
        var table = TableOf(hash);
        var at = table.Find(text, hash);
        if (at == 0 || table.Slots[at - 1].Value is null)
        {
            return;
        }

        Volatile.Write(ref table.Slots[at - 1].Value, null);
        table.Live--;
        _count--;
    }

    /// <summary>Shrinks sparse ones among the next <see cref="MaxTrimmed"/> tables. For the writer.</summary>
    public void Trim()
    {
        var directory = _directory;
        if (_count == 0)
        {
            if (directory.Length > 1 || directory[0].IsSparse)
            {
                _directory = [new Table(MinCapacity, bits: 0)];
            }

            return;
        }

        for (var count = Math.Min(directory.Length, MaxTrimmed); count > 0; count--)
        {
            _trimmed = (_trimmed + 1) & (directory.Length - 1);
            if (directory[_trimmed].IsSparse)
            {
                Rebuild(directory[_trimmed], _trimmed);
            }
        }
    }

    private static int HashOf(string text) => StringComparer.Ordinal.GetHashCode(text);

    private Table TableOf(int hash)
    {
        var directory = _directory;
        return Volatile.Read(ref directory[hash & (directory.Length - 1)]);
    }

    /// <summary>Copies the live slots of a table to one or two new tables.</summary>
    private void Rebuild(Table from, int hash)
    {
        if (from.Live <= MaxCapacity / 4 * 3 || from.Bits == MaxBits)
        {
            Enter(from.Part(from.Bits, bit: 0, value: 0), hash);
            return;
        }

        var bit = 1 << from.Bits;
        if (bit == _directory.Length)
        {
            _directory = [.. _directory, .. _directory];
        }

        Enter(from.Part(from.Bits + 1, bit, value: 0), hash & ~bit);
        Enter(from.Part(from.Bits + 1, bit, value: bit), hash | bit);
    }

    /// <summary>Publishes a table at all its places in the directory.</summary>
    private void Enter(Table table, int hash)
    {
        var directory = _directory;
        for (var at = hash & ((1 << table.Bits) - 1); at < directory.Length; at += 1 << table.Bits)
        {
            Volatile.Write(ref directory[at], table);
        }
    }

    private struct Slot
    {
        public string Text;

        /// <summary>Null while the text is removed.</summary>
        public TValue? Value;

        public int Hash;

        /// <summary>The next slot of the same chain, counted from 1; 0 at its end. Always an older one.</summary>
        public int Next;
    }

    /// <param name="capacity">The number of slots; a power of two.</param>
    /// <param name="bits">The number of low hash bits that all texts of the table share.</param>
    private sealed class Table(int capacity, int bits)
    {
        private readonly int[] _firsts = new int[capacity];
        private int _used;

        public int Bits => bits;

        /// <summary>Gets or sets the number of texts with a value.</summary>
        public int Live { get; set; }

        public Slot[] Slots { get; } = new Slot[capacity];

        public bool IsFull => _used == Slots.Length;

        /// <summary>Gets whether less than an eighth of the slots are live.</summary>
        public bool IsSparse => Slots.Length > MinCapacity && Live < Slots.Length / 8;

        public int First(int hash) => Volatile.Read(ref Head(hash));

        /// <summary>Returns the slot of a text, counted from 1; 0 if absent.</summary>
        public int Find(string text, int hash)
        {
            var slots = Slots;
            for (var at = First(hash); at != 0; at = slots[at - 1].Next)
            {
                ref var slot = ref slots[at - 1];
                if (slot.Hash == hash && string.Equals(slot.Text, text, StringComparison.Ordinal))
                {
                    return at;
                }
            }

            return 0;
        }

        public void Append(string text, TValue value, int hash)
        {
            ref var first = ref Head(hash);
            Slots[_used++] = new Slot { Text = text, Value = value, Hash = hash, Next = first };
            Live++;
            // Readers reach the slot through the head only, so it must be complete before this write.
            Volatile.Write(ref first, _used);
        }

        /// <summary>Returns a new table of the live texts whose hash has the bit value.</summary>
        public Table Part(int bitsInCommon, int bit, int value)
        {
            var used = Slots.AsSpan(0, _used);
            var texts = 0;
            foreach (ref readonly var slot in used)
            {
                texts += slot.Value is not null && (slot.Hash & bit) == value ? 1 : 0;
            }

            var part = new Table(CapacityFor(texts), bitsInCommon);
            foreach (ref readonly var slot in used)
            {
                if (slot.Value is { } living && (slot.Hash & bit) == value)
                {
                    part.Append(slot.Text, living, slot.Hash);
                }
            }

            return part;
        }

        /// <summary>Leaves at least a third of spare capacity, which bounds copies per addition.</summary>
        private static int CapacityFor(int texts)
        {
            var capacity = MinCapacity;
            while (texts > capacity / 4 * 3)
            {
                capacity *= 2;
            }

            return capacity;
        }

        private ref int Head(int hash) => ref _firsts[(hash >>> MaxBits) & (_firsts.Length - 1)];
    }
}
