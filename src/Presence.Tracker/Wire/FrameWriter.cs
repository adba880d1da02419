using System.Text;
using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>Writes the primitives of the frame codec: LEB128 integers and length-prefixed UTF-8.</summary>
/// <remarks>Each thread keeps one for its next frame, so that only the frame itself is allocated.</remarks>
internal sealed class FrameWriter
{
    private const int MostKept = 256 * 1024;
    private const int LongestNumber = 10;

    /// <summary>UTF-16 units of a text whose length in bytes is one byte of a frame, whatever they are.</summary>
    private const int Short = 127 / 3;

    [ThreadStatic]
    private static FrameWriter? t_spare;

    private readonly Dictionary<string, int> _topics = new(StringComparer.Ordinal);
    private byte[] _bytes = new byte[1024];
    private int _length;

    private FrameWriter()
    {
    }

    /// <summary>An empty one; <see cref="Finish"/> gives it back.</summary>
    public static FrameWriter Begin()
    {
        var writer = t_spare ?? new FrameWriter();
        t_spare = null;
        return writer;
    }

    /// <summary>What was written. The writer must not be used any more.</summary>
    public byte[] Finish()
    {
        var frame = GC.AllocateUninitializedArray<byte>(_length);
        _bytes.AsSpan(0, _length).CopyTo(frame);
        if (_bytes.Length <= MostKept)
        {
            _length = 0;
            _topics.Clear();
            t_spare = this;
        }

        return frame;
    }

    public void Byte(byte value)
    {
        Room(1)[0] = value;
        _length++;
    }

    public void Number(ulong value)
    {
        var to = Room(LongestNumber);
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
        if (text.Length <= Short)
        {
            var to = Room(1 + (Short * 3));
            var written = Encoding.UTF8.GetBytes(text, to[1..]);
            to[0] = (byte)written;
            _length += 1 + written;
            return;
        }

        var length = Encoding.UTF8.GetByteCount(text);
        Number((ulong)length);
        _length += Encoding.UTF8.GetBytes(text, Room(length));
    }

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Number((ulong)bytes.Length);
        bytes.CopyTo(Room(bytes.Length));
        _length += bytes.Length;
    }

    /// <summary>A topic in full the first time, afterwards by its number within the frame.</summary>
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

    private Span<byte> Room(int bytes)
    {
        if (_bytes.Length - _length < bytes)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes));
        }

        return _bytes.AsSpan(_length);
    }
}
