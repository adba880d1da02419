using System.Buffers;
using System.Text;
using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>Writes the primitives of the frame codec: LEB128 integers and length-prefixed UTF-8.</summary>
internal sealed class FrameWriter
{
    private readonly ArrayBufferWriter<byte> _to = new(256);
    private readonly Dictionary<string, int> _topics = new(StringComparer.Ordinal);

    public byte[] ToArray() => _to.WrittenSpan.ToArray();

    /// <summary>So many entries follow, of usual size: a hint that saves growing step by step.</summary>
    public void Expect(int entries)
    {
        _ = _to.GetSpan(entries * 80);
        _topics.EnsureCapacity(Math.Min(entries, 1024));
    }

    public void Byte(byte value)
    {
        _to.GetSpan(1)[0] = value;
        _to.Advance(1);
    }

    public void Number(ulong value)
    {
        var span = _to.GetSpan(10);
        var length = 0;
        while (value >= 0x80)
        {
            span[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[length++] = (byte)value;
        _to.Advance(length);
    }

    public void Text(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        Number((ulong)length);
        _to.Advance(Encoding.UTF8.GetBytes(text, _to.GetSpan(length)));
    }

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Number((ulong)bytes.Length);
        bytes.CopyTo(_to.GetSpan(bytes.Length));
        _to.Advance(bytes.Length);
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
}
