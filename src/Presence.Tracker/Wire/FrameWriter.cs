using System.Text;
using Presence.Crdt;

namespace Presence.Tracker.Wire;

/// <summary>Writes the primitives of the frame codec: LEB128 integers and length-prefixed UTF-8.</summary>
/// <remarks>Each thread reuses one writer, so that only the frame itself is allocated.</remarks>
internal sealed class FrameWriter
{
    private const int MaxCachedBytes = 256 * 1024;
    private const int MaxNumberBytes = 10;

    /// <summary>Maximum UTF-16 length of texts whose length in bytes always fits one byte.</summary>
    private const int MaxShortText = 127 / 3;

    [ThreadStatic]
    private static FrameWriter? t_spare;

    private readonly Dictionary<string, int> _topics = new(StringComparer.Ordinal);
    private byte[] _bytes = new byte[1024];
    private int _length;
    private int _entries;

    private FrameWriter()
    {
    }

    /// <summary>Returns an empty writer; <see cref="Finish"/> returns it to the thread.</summary>
    public static FrameWriter Begin()
    {
        var writer = t_spare ?? new FrameWriter();
        t_spare = null;
        return writer;
    }

    /// <summary>Gets the written entries of resumable sessions, with their positions among all entries.</summary>
    public List<(int Index, PresenceEntry Entry)> Stamped { get; } = [];

    /// <summary>Gets or sets whether the frame is for a node that does not know sessions.</summary>
    public bool OmitsSessions { get; set; }

    /// <summary>Records that an entry was written.</summary>
    public void Entry(PresenceEntry entry)
    {
        if (entry.Stamp is not null && !OmitsSessions)
        {
            Stamped.Add((_entries, entry));
        }

        _entries++;
    }

    /// <summary>Changes the first byte.</summary>
    public void SetVersion(byte version) => _bytes[0] = version;

    /// <summary>Writes eight bytes.</summary>
    public void Fixed(ulong value)
    {
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(Reserve(sizeof(ulong)), value);
        _length += sizeof(ulong);
    }

    /// <summary>Returns the frame. The writer must not be used any more.</summary>
    public byte[] Finish()
    {
        var frame = GC.AllocateUninitializedArray<byte>(_length);
        _bytes.AsSpan(0, _length).CopyTo(frame);
        if (_bytes.Length <= MaxCachedBytes)
        {
            _length = _entries = 0;
            _topics.Clear();
            Stamped.Clear();
            OmitsSessions = false;
            t_spare = this;
        }

        return frame;
    }

    public void Byte(byte value)
    {
        Reserve(1)[0] = value;
        _length++;
    }

    public void Number(ulong value)
    {
        var to = Reserve(MaxNumberBytes);
        var length = 0;
        while (value >= 0x80)
        {
            to[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        to[length++] = (byte)value;
        _length += length;
    }

    public void Text(string text)
    {
        if (text.Length <= MaxShortText)
        {
            var to = Reserve(1 + (MaxShortText * 3));
            var written = Encoding.UTF8.GetBytes(text, to[1..]);
            to[0] = (byte)written;
            _length += 1 + written;
            return;
        }

        var length = Encoding.UTF8.GetByteCount(text);
        Number((ulong)length);
        _length += Encoding.UTF8.GetBytes(text, Reserve(length));
    }

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Number((ulong)bytes.Length);
        bytes.CopyTo(Reserve(bytes.Length));
        _length += bytes.Length;
    }

    /// <summary>Writes a topic in full the first time, afterwards its number within the frame.</summary>
    public void Topic(string topic)
    {
        if (_topics.TryGetValue(topic, out var number))
        {
            Number((ulong)number);
            return;
        }

        _topics.Add(topic, _topics.Count + 1);
        Number(0);
        Text(topic);
    }

    public void Replica(ReplicaId replica)
    {
        Text(replica.Node);
        Number(replica.Incarnation);
    }

    public void Intervals(IntervalSet set)
    {
        Number((ulong)set.IntervalCount);
        var at = 0UL;
        foreach (var (first, last) in set.Intervals)
        {
            Number(first - at);
            Number(last - first);
            at = last;
        }
    }

    private Span<byte> Reserve(int bytes)
    {
        if (_bytes.Length - _length < bytes)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes));
        }

        return _bytes.AsSpan(_length);
    }
}
