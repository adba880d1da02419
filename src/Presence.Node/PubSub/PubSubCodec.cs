using System.Buffers.Binary;
using System.Text;
using Presence.Tracker.Wire;

namespace Presence.Node.PubSub;

/// <summary>The process that sent a message. Incarnations go back with the clock, and two may be equal.</summary>
/// <param name="Incarnation">The incarnation of its node.</param>
/// <param name="Instance">A random number of the process.</param>
internal readonly record struct PubSubSource(ulong Incarnation, ulong Instance);

/// <remarks>
/// Version, flags (1: binary body), 8 bytes incarnation, 8 bytes instance, 8 bytes sequence, 2 bytes topic length, 2
/// bytes event length (all little-endian), topic, event, body.
/// </remarks>
internal static class PubSubCodec
{
    private const byte Version = 1;
    private const int HeaderLength = 30;

    private static readonly UTF8Encoding Utf8 = StrictUtf8.Encoding;

    public static byte[] Encode(PubSubMessage message, PubSubSource source, ulong sequence)
    {
        var topic = Utf8.GetByteCount(message.Topic);
        var @event = Utf8.GetByteCount(message.Event);
        var frame = new byte[HeaderLength + topic + @event + message.Body.Length];
        frame[0] = Version;
        frame[1] = message.IsBinary ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(2), source.Incarnation);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(10), source.Instance);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(18), sequence);
        BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(26), (ushort)topic);
        BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(28), (ushort)@event);
        Utf8.GetBytes(message.Topic, frame.AsSpan(HeaderLength));
        Utf8.GetBytes(message.Event, frame.AsSpan(HeaderLength + topic));
        message.Body.Span.CopyTo(frame.AsSpan(HeaderLength + topic + @event));
        return frame;
    }

    /// <summary>Decodes a frame. The body of the message is a slice of it.</summary>
    /// <returns>Null if the bytes are not a valid frame.</returns>
    public static (PubSubMessage Message, PubSubSource Source, ulong Sequence)? Decode(
        string from, ReadOnlyMemory<byte> frame)
    {
        var span = frame.Span;
        if (span.Length < HeaderLength || span[0] != Version)
        {
            return null;
        }

        var topic = BinaryPrimitives.ReadUInt16LittleEndian(span[26..]);
        var @event = BinaryPrimitives.ReadUInt16LittleEndian(span[28..]);
        if (span.Length < HeaderLength + topic + @event)
        {
            return null;
        }

        try
        {
            var message = new PubSubMessage(
                Utf8.GetString(span.Slice(HeaderLength, topic)),
                Utf8.GetString(span.Slice(HeaderLength + topic, @event)),
                frame[(HeaderLength + topic + @event)..],
                (span[1] & 1) != 0)
            {
                FromNode = from,
            };
            var source = new PubSubSource(
                BinaryPrimitives.ReadUInt64LittleEndian(span[2..]),
                BinaryPrimitives.ReadUInt64LittleEndian(span[10..]));
            return (message, source, BinaryPrimitives.ReadUInt64LittleEndian(span[18..]));
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
