using System.Buffers.Binary;

namespace Presence.Channels.Wire;

/// <summary>Encodes a message of a server as one frame (RFC 6455, section 5.2).</summary>
internal static class WebSocketFrame
{
    private const byte FinalText = 0x81;
    private const byte FinalBinary = 0x82;
    private const int MaxOneByteLength = 125;
    private const byte TwoBytesFollow = 126;
    private const byte EightBytesFollow = 127;

    public static byte[] Of(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, bool binary, out int header)
    {
        var length = head.Length + body.Length;
        header = length <= MaxOneByteLength ? 2 : length <= ushort.MaxValue ? 4 : 10;
        var frame = new byte[header + length];
        frame[0] = binary ? FinalBinary : FinalText;
        switch (header)
        {
            case 2:
                frame[1] = (byte)length;
                break;
            case 4:
                frame[1] = TwoBytesFollow;
                BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(2), (ushort)length);
                break;
            default:
                frame[1] = EightBytesFollow;
                BinaryPrimitives.WriteUInt64BigEndian(frame.AsSpan(2), (ulong)length);
                break;
        }

        head.CopyTo(frame.AsSpan(header));
        body.CopyTo(frame.AsSpan(header + head.Length));
        return frame;
    }
}
