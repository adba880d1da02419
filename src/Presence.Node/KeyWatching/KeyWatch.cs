using System.Numerics;
using System.Runtime.CompilerServices;

namespace Presence.Node.KeyWatching;

/// <summary>One reader of <see cref="KeyWatches"/>: its edges, and the changes that wait for it.</summary>
/// <remarks>
/// What waits for the reader is one bit a key, whatever happens meanwhile. All members except
/// <see cref="ReadAsync"/> and <see cref="Dispose"/> are used with the gate of the owner held.
/// </remarks>
internal sealed class KeyWatch : IDisposable
{
    private readonly KeyWatches _owner;

    /// <summary>For each edge: the key is present; the reader knows that it is; it is forbidden.</summary>
    private readonly ulong[] _present, _reported, _forbidden;
    private TaskCompletionSource<bool>? _next;

    /// <param name="owner">The watches of the tracker.</param>
    /// <param name="table">The table of the pattern.</param>
    /// <param name="request">What the reader requested.</param>
    /// <param name="forbidden">For each key, whether the reader must not see it.</param>
    public KeyWatch(KeyWatches owner, KeyTable table, KeyWatchRequest request, bool[] forbidden)
    {
        (_owner, Table, Request, Edges) = (owner, table, request, new KeyEdge[forbidden.Length]);
        var words = (forbidden.Length + 63) / 64;
        (_present, _reported, _forbidden) = (new ulong[words], new ulong[words], new ulong[words]);
        for (var i = 0; i < forbidden.Length; i++)
        {
            Write(_forbidden, i, forbidden[i]);
        }
    }

    public KeyTable Table { get; }

    public KeyWatchRequest Request { get; }

    /// <summary>Gets whether the reader has received nothing yet.</summary>
    public bool IsFirst { get; private set; } = true;

    /// <summary>Gets the edges, in the order of the request's keys.</summary>
    public KeyEdge[] Edges { get; }

    /// <summary>Gets or sets the place in <see cref="KeyWatchSlots"/>.</summary>
    public int Slot { get; set; }

    public KeyWatchPhase Phase { get; set; }

    /// <summary>Gets or sets the time stamp before which no further changes are published.</summary>
    public long NotBefore { get; set; }

    /// <summary>Records whether the key of an edge is present. Returns false if the reader must not see it.</summary>
    public bool Set(int edge, bool isPresent)
    {
        if (Read(_forbidden, edge))
        {
            return false;
        }

        Write(_present, edge, isPresent);
        return true;
    }

    /// <summary>Completes the waiting of the reader, which then takes changes, or sees a pulse.</summary>
    public void Wake(bool hasChanges)
    {
        _next?.TrySetResult(hasChanges);
        _next = null;
    }

    /// <summary>Returns the keys of all edges.</summary>
    public string[] KeysOfEdges() => Array.ConvertAll(Edges, edge => Table.KeyOf(edge));

    /// <summary>Returns a task that completes with the next <see cref="Wake"/>.</summary>
    public Task<bool> NextAsync() => (_next ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>
    /// Returns the present keys the first time, and then the keys that changed in sum; null if there is nothing new.
    /// </summary>
    public IReadOnlyList<KeyChange>? Take()
    {
        List<KeyChange>? changes = IsFirst ? [] : null;
        IsFirst = false;
        for (var word = 0; word < _present.Length; word++)
        {
            for (var rest = _present[word] ^ _reported[word]; rest != 0; rest &= rest - 1)
            {
                var edge = (word * 64) + BitOperations.TrailingZeroCount(rest);
                (changes ??= []).Add(new KeyChange(Table.KeyOf(Edges[edge]), Read(_present, edge)));
            }

            _reported[word] = _present[word];
        }

        return changes;
    }

    /// <summary>
    /// Returns the keys that are present, perhaps none, and then each group of changes; null with each pulse. One
    /// enumeration at a time; ends the watch at its end.
    /// </summary>
    /// <exception cref="OperationCanceledException">The reading was canceled.</exception>
    public async IAsyncEnumerable<IReadOnlyList<KeyChange>?> ReadAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var ending = this;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_owner.Take(this, out var next) is { } changes)
            {
                yield return changes;
            }
            else if (!await next!.WaitAsync(cancellation).ConfigureAwait(false))
            {
                yield return null;
            }
        }
    }

    public void Dispose() => _owner.Close(this);

    private static bool Read(ulong[] bits, int at) => (bits[at / 64] >> (at % 64) & 1) != 0;

    private static void Write(ulong[] bits, int at, bool value)
    {
        var mask = 1UL << (at % 64);
        bits[at / 64] = value ? bits[at / 64] | mask : bits[at / 64] & ~mask;
    }
}

/// <summary>The state of the changes of a <see cref="KeyWatch"/>.</summary>
internal enum KeyWatchPhase
{
    /// <summary>Nothing has changed since the reader took changes.</summary>
    Idle,

    /// <summary>Changes wait for the end of the interval.</summary>
    Scheduled,

    /// <summary>The reader may take changes.</summary>
    Released,

    /// <summary>The watch has ended.</summary>
    Closed,
}

/// <summary>One key of one watch, linked with those of other watches of key and pattern: 12 bytes.</summary>
internal struct KeyEdge
{
    /// <summary>The number of the key in its <see cref="KeyTable"/>.</summary>
    public int Key;

    /// <summary>The neighbours (<see cref="KeyWatchSlots.PlaceOf"/>); negative if there is none.</summary>
    public int Next, Previous;
}

/// <summary>The watches of a tracker by number, so that an edge can refer to another with 4 bytes.</summary>
internal sealed class KeyWatchSlots
{
    /// <summary>No edge.</summary>
    public const int None = -1;

    /// <summary>Maximum number of watches: their number and that of an edge fit into an <see cref="int"/>.</summary>
    public const int MaxWatches = 1 << (31 - EdgeBits);

    /// <summary>Bits for the number of an edge: there are fewer than 1,024 in a watch.</summary>
    private const int EdgeBits = 10;

    private readonly Stack<int> _free = [];
    private KeyWatch?[] _watches = new KeyWatch?[16];
    private int _used;

    public IEnumerable<KeyWatch> All => _watches.Take(_used).OfType<KeyWatch>();

    public static int PlaceOf(KeyWatch watch, int edge) => watch.Slot << EdgeBits | edge;

    public ref KeyEdge EdgeAt(int place) => ref WatchAt(place).Edges[IndexOf(place)];

    public KeyWatch WatchAt(int place) => _watches[place >> EdgeBits]!;

    public static int IndexOf(int place) => place & ((1 << EdgeBits) - 1);

    /// <exception cref="PresenceOverloadException">There are too many watches.</exception>
    public void Add(KeyWatch watch)
    {
        if (!_free.TryPop(out var slot))
        {
            slot = _used < MaxWatches
                ? _used++
                : throw new PresenceOverloadException($"There are {MaxWatches} watches of keys; retry later.");
            if (slot == _watches.Length)
            {
                Array.Resize(ref _watches, slot * 2);
            }
        }

        watch.Slot = slot;
        _watches[slot] = watch;
    }

    public void Remove(KeyWatch watch)
    {
        _watches[watch.Slot] = null;
        _free.Push(watch.Slot);
    }
}
