using System.Buffers.Binary;
using System.Text;

namespace Presence.Node;

/// <summary>The binary form of a pub/sub message between members.</summary>
/// <remarks>
/// Version, flags (1: binary body), 8 bytes incarnation, 8 bytes sequence, 2 bytes topic length, 2 bytes event length (all
/// little-endian), topic, event, body.
/// </remarks>
internal static class PubSubCodec
{
    private const byte Version = 1;
    private const int Head = 22;

    /// <summary>Strict: what is no text is refused, not mended into another topic.</summary>
    public static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static byte[] Encode(PubSubMessage message, ulong incarnation, ulong sequence)
    {
        var topic = Utf8.GetByteCount(message.Topic);
        var @event = Utf8.GetByteCount(message.Event);
        var frame = new byte[Head + topic + @event + message.Body.Length];
        frame[0] = Version;
        frame[1] = message.IsBinary ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(2), incarnation);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(10), sequence);
        BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(18), (ushort)topic);
        BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(20), (ushort)@event);
        Utf8.GetBytes(message.Topic, frame.AsSpan(Head));
        Utf8.GetBytes(message.Event, frame.AsSpan(Head + topic));
        message.Body.Span.CopyTo(frame.AsSpan(Head + topic + @event));
        return frame;
    }

    /// <summary>Decodes a frame; the body stays a part of it.</summary>
    /// <returns>Null if the bytes are not such a frame.</returns>
    public static (PubSubMessage Message, ulong Incarnation, ulong Sequence)? Decode(string from, ReadOnlyMemory<byte> frame)
    {
        var span = frame.Span;
        if (span.Length < Head || span[0] != Version)
        {
            return null;
        }

        var topic = BinaryPrimitives.ReadUInt16LittleEndian(span[18..]);
        var @event = BinaryPrimitives.ReadUInt16LittleEndian(span[20..]);
        if (span.Length < Head + topic + @event)
        {
            return null;
        }

        try
        {
            var message = new PubSubMessage(
                Utf8.GetString(span.Slice(Head, topic)),
                Utf8.GetString(span.Slice(Head + topic, @event)),
                frame[(Head + topic + @event)..],
                (span[1] & 1) != 0)
            {
                FromNode = from,
            };
            return (message, BinaryPrimitives.ReadUInt64LittleEndian(span[2..]), BinaryPrimitives.ReadUInt64LittleEndian(span[10..]));
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
