using System.Buffers.Binary;
using System.Text;
using Presence.Node;

namespace Presence.Postgres;

/// <summary>What a packet is for.</summary>
internal enum PacketKind : byte
{
    /// <summary>Frames, as many as fit.</summary>
    Frames = 1,

    /// <summary>A frame whose sender waits for an answer.</summary>
    Ask = 2,

    /// <summary>The answer.</summary>
    Answer = 3,

    /// <summary>A member has connected, or connected again.</summary>
    Hello = 4,

    /// <summary>A member stopped in order.</summary>
    Bye = 5,

    /// <summary>A packet too large for a notification lies in the table.</summary>
    Stored = 6,
}

/// <summary>What travels in one notification or one row, as it arrived.</summary>
/// <remarks>
/// Little-endian: version (1), kind, 8 bytes incarnation of the sender, 2 bytes length of its name, the name; then by kind:
/// frames, each 1 byte length of the channel, channel, 4 bytes shard, 4 bytes length, body; an ask: 8 bytes number, one frame; an
/// answer: 8 bytes number, 1 byte; a hello: 8 bytes chosen by the sender; stored: 16 bytes id.
/// </remarks>
internal sealed class Packet
{
    public const byte Version = 1;
    public const int Head = 12;

    private readonly ReadOnlyMemory<byte> _content;

    private Packet(PacketKind kind, string from, ulong incarnation, ReadOnlyMemory<byte> content)
    {
        Kind = kind;
        From = from;
        Incarnation = incarnation;
        _content = content;
    }

    public PacketKind Kind { get; }

    public string From { get; }

    public ulong Incarnation { get; }

    /// <summary>Of an ask or an answer; what a hello was marked with.</summary>
    public ulong Number => BinaryPrimitives.ReadUInt64LittleEndian(_content.Span);

    public bool IsYes => _content.Span[8] == 1;

    public Guid Id => new(_content.Span[..16], bigEndian: true);

    /// <summary>Reads the head.</summary>
    /// <returns>Null if the bytes are no packet, or one of a later version.</returns>
    public static Packet? Read(ReadOnlyMemory<byte> bytes)
    {
        var span = bytes.Span;
        if (span.Length < Head || span[0] != Version)
        {
            return null;
        }

        var kind = (PacketKind)span[1];
        var end = Head + BinaryPrimitives.ReadUInt16LittleEndian(span[10..]);
        var least = kind switch
        {
            PacketKind.Frames or PacketKind.Bye => 0,
            PacketKind.Ask or PacketKind.Hello => 8,
            PacketKind.Answer => 9,
            PacketKind.Stored => 16,
            _ => int.MaxValue,
        };
        return span.Length - (long)end < least
            ? null
            : new Packet(
                kind,
                Encoding.UTF8.GetString(span[Head..end]),
                BinaryPrimitives.ReadUInt64LittleEndian(span[2..]),
                bytes[end..]);
    }

    /// <summary>The frames of <see cref="PacketKind.Frames"/>, or the one of <see cref="PacketKind.Ask"/>.</summary>
    /// <returns>Null if the bytes are cut short.</returns>
    public List<LinkFrame>? ReadFrames()
    {
        var rest = Kind == PacketKind.Ask ? _content[8..] : _content;
        var frames = new List<LinkFrame>();
        while (rest.Length > 0)
        {
            var span = rest.Span;
            var channel = span[0];
            if (span.Length < channel + 9)
            {
                return null;
            }

            var length = BinaryPrimitives.ReadInt32LittleEndian(span[(channel + 5)..]);
            if (length < 0 || span.Length - channel - 9 < length)
            {
                return null;
            }

            frames.Add(new LinkFrame(
                Encoding.UTF8.GetString(span.Slice(1, channel)),
                BinaryPrimitives.ReadInt32LittleEndian(span[(channel + 1)..]),
                rest.Slice(channel + 9, length)));
            rest = rest[(channel + 9 + length)..];
        }

        return frames;
    }
}
