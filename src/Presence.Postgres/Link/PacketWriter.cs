using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Presence.Node;

namespace Presence.Postgres;

/// <summary>Makes the packets of one member. Bytes are pinned by <c>Packets.The_bytes_of_every_kind_are_pinned</c>.</summary>
internal sealed class PacketWriter
{
    private readonly byte[] _head;

    public PacketWriter(string member, ulong incarnation)
    {
        var name = Encoding.UTF8.GetBytes(member);
        _head = new byte[Packet.Head + name.Length];
        _head[0] = Packet.Version;
        BinaryPrimitives.WriteUInt64LittleEndian(_head.AsSpan(2), incarnation);
        BinaryPrimitives.WriteUInt16LittleEndian(_head.AsSpan(10), checked((ushort)name.Length));
        name.CopyTo(_head.AsSpan(Packet.Head));
    }

    /// <summary>Bytes of a packet before its first frame.</summary>
    public int HeadBytes => _head.Length;

    /// <summary>Bytes a frame takes in a packet.</summary>
    public static int SizeOf(LinkFrame frame) => 9 + Encoding.UTF8.GetByteCount(frame.Channel) + frame.Body.Length;

    public byte[] Frames(IReadOnlyList<LinkFrame> frames)
    {
        var packet = Begin(PacketKind.Frames, frames.Sum(SizeOf));
        foreach (var frame in frames)
        {
            Append(packet, frame);
        }

        return packet.WrittenSpan.ToArray();
    }

    public byte[] Ask(ulong number, LinkFrame frame)
    {
        var packet = Begin(PacketKind.Ask, 8 + SizeOf(frame));
        Append(packet, number);
        Append(packet, frame);
        return packet.WrittenSpan.ToArray();
    }

    public byte[] Answer(ulong number, bool yes)
    {
        var packet = Begin(PacketKind.Answer, 9);
        Append(packet, number);
        packet.Write([yes ? (byte)1 : (byte)0]);
        return packet.WrittenSpan.ToArray();
    }

    public byte[] Hello(ulong mark)
    {
        var packet = Begin(PacketKind.Hello, 8);
        Append(packet, mark);
        return packet.WrittenSpan.ToArray();
    }

    public byte[] Bye() => Begin(PacketKind.Bye, 0).WrittenSpan.ToArray();

    public byte[] Stored(Guid id)
    {
        var packet = Begin(PacketKind.Stored, 16);
        id.TryWriteBytes(packet.GetSpan(16), bigEndian: true, out _);
        packet.Advance(16);
        return packet.WrittenSpan.ToArray();
    }

    private ArrayBufferWriter<byte> Begin(PacketKind kind, int more)
    {
        var packet = new ArrayBufferWriter<byte>(_head.Length + more + 1);
        _head.CopyTo(packet.GetSpan(_head.Length));
        packet.GetSpan(2)[1] = (byte)kind;
        packet.Advance(_head.Length);
        return packet;
    }

    private static void Append(ArrayBufferWriter<byte> packet, ulong number)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(packet.GetSpan(8), number);
        packet.Advance(8);
    }

    private static void Append(ArrayBufferWriter<byte> packet, LinkFrame frame)
    {
        var size = SizeOf(frame);
        var span = packet.GetSpan(size);
        var channel = Encoding.UTF8.GetBytes(frame.Channel, span[1..]);
        span[0] = checked((byte)channel);
        BinaryPrimitives.WriteInt32LittleEndian(span[(channel + 1)..], frame.Shard);
        BinaryPrimitives.WriteInt32LittleEndian(span[(channel + 5)..], frame.Body.Length);
        frame.Body.Span.CopyTo(span[(channel + 9)..]);
        packet.Advance(size);
    }
}
