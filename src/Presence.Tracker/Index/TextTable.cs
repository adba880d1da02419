using System.Diagnostics.CodeAnalysis;

namespace Presence.Tracker;

/// <summary>A hash table from texts to objects: one writer, any readers, who neither lock nor wait nor try again.</summary>
/// <remarks>
/// <para>A directory of small tables (extendible hashing, Fagin and others, 1979): one that is full becomes two, so that growing is
/// many small steps, each a copy of some hundred slots; and no array is so large that the collector keeps it apart and looks through
/// the whole heap for each that was let go.</para>
/// <para>Slots are appended to one array and never used for a second text, so a reader may stand on any of them; a text that was
/// removed leaves its slot empty and finds it again when it comes back, as most do. When the array is full, or by <see cref="Trim"/>,
/// what lives goes into a new one, and readers finish in the old. In a table of nodes, each text would be one object more
/// for the collector to move, and each addition a write anywhere in old memory for it to look through.</para>
/// </remarks>
internal sealed class TextTable<TValue>
    where TValue : class
{
    private const int Smallest = 16;

    /// <summary>Slots of a table before it becomes two: 48 KiB, below what the collector keeps apart.</summary>
    private const int Largest = 2048;

    /// <summary>Bits of a hash that choose a table; the others are left to choose a chain in it.</summary>
    private const int MostBits = 20;

    /// <summary>Tables looked at in one go: a fraction of a millisecond.</summary>
    private const int MostTrimmed = 32;

    private volatile Table[] _directory = [new Table(Smallest, bits: 0)];
    private int _count;
    private int _trimmed;

    /// <summary>Slots of all tables: for tests of what it takes.</summary>
    internal int Room => _directory.Distinct().Sum(table => table.Slots.Length);

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
    /// <param name="present">The value that the text has already.</param>
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
            Renew(table, hash);
            table = TableOf(hash);
        }

        table.Append(text, value, hash);
        return true;
    }

    /// <summary>Gives a text that is there another value. For the writer.</summary>
    public void Replace(string text, TValue value)
    {
        var hash = HashOf(text);
        var table = TableOf(hash);
        if (table.Find(text, hash) is var at && at != 0 && table.Slots[at - 1].Value is not null)
        {
            Volatile.Write(ref table.Slots[at - 1].Value, value);
        }
    }

    /// <summary>Removes a text if it is there. For the writer.</summary>
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

    /// <summary>
    /// Gives back what a few of its tables hold for texts that went and did not come back: now and then, for they mostly do. For the writer.
    /// </summary>
    public void Trim()
    {
        var directory = _directory;
        if (_count == 0)
        {
            if (directory.Length > 1 || directory[0].IsSparse)
            {
                _directory = [new Table(Smallest, bits: 0)];
            }

            return;
        }

        for (var looks = Math.Min(directory.Length, MostTrimmed); looks > 0; looks--)
        {
            _trimmed = (_trimmed + 1) & (directory.Length - 1);
            if (directory[_trimmed].IsSparse)
            {
                Renew(directory[_trimmed], _trimmed);
            }
        }
    }

    private static int HashOf(string text) => StringComparer.Ordinal.GetHashCode(text);

    private Table TableOf(int hash)
    {
        var directory = _directory;
        return Volatile.Read(ref directory[hash & (directory.Length - 1)]);
    }

    /// <summary>Takes what lives in a table into a new one, or into two.</summary>
    private void Renew(Table from, int hash)
    {
        if (from.Live <= Largest / 4 * 3 || from.Bits == MostBits)
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

    /// <summary>Lets readers find a table wherever its texts are looked for.</summary>
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

        /// <summary>Null while the text is not there.</summary>
        public TValue? Value;

        public int Hash;

        /// <summary>The next slot of the same chain, counted from 1; 0 at its end. Always an older one.</summary>
        public int Next;
    }

    /// <param name="room">How many slots; a power of two.</param>
    /// <param name="bits">How many low bits of their hashes all its texts have in common.</param>
    private sealed class Table(int room, int bits)
    {
        private readonly int[] _firsts = new int[room];
        private int _used;

        public int Bits => bits;

        /// <summary>Texts with a value.</summary>
        public int Live { get; set; }

        public Slot[] Slots { get; } = new Slot[room];

        public bool IsFull => _used == Slots.Length;

        /// <summary>Whether little lives in it for its size.</summary>
        public bool IsSparse => Slots.Length > Smallest && Live < Slots.Length / 8;

        public int First(int hash) => Volatile.Read(ref Link(hash));

        /// <summary>The slot of a text, counted from 1, or 0.</summary>
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
            ref var first = ref Link(hash);
            Slots[_used++] = new Slot { Text = text, Value = value, Hash = hash, Next = first };
            Live++;
            // Readers come here through the link alone, so the slot is whole when they do.
            Volatile.Write(ref first, _used);
        }

        /// <summary>A table of the living texts in whose hashes a bit has a value.</summary>
        public Table Part(int bitsInCommon, int bit, int value)
        {
            var used = Slots.AsSpan(0, _used);
            var texts = 0;
            foreach (ref readonly var slot in used)
            {
                texts += slot.Value is not null && (slot.Hash & bit) == value ? 1 : 0;
            }

            var part = new Table(RoomFor(texts), bitsInCommon);
            foreach (ref readonly var slot in used)
            {
                if (slot.Value is { } living && (slot.Hash & bit) == value)
                {
                    part.Append(slot.Text, living, slot.Hash);
                }
            }

            return part;
        }

        /// <summary>A third more at least, so that a new table costs a few moves per addition, whatever was removed meanwhile.</summary>
        private static int RoomFor(int texts)
        {
            var room = Smallest;
            while (texts > room / 4 * 3)
            {
                room *= 2;
            }

            return room;
        }

        private ref int Link(int hash) => ref _firsts[(hash >>> MostBits) & (_firsts.Length - 1)];
    }
}
