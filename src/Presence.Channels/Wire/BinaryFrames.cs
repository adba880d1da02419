using System.Text;

namespace Presence.Channels;

/// <summary>The binary frames of version 2: a kind, one byte of length per name, the names, the data.</summary>
internal static class BinaryFrames
{
    private const byte PushKind = 0;
    private const byte ReplyKind = 1;
    private const byte BroadcastKind = 2;
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    public static bool TryDecodePush(ReadOnlyMemory<byte> bytes, out InFrame frame)
    {
        frame = default;
        var span = bytes.Span;
        if (span.Length < 5 || span[0] != PushKind)
        {
            return false;
        }

        int joinRef = span[1], reference = span[2], topic = span[3], name = span[4];
        var data = 5 + joinRef + reference + topic + name;
        if (span.Length < data)
        {
            return false;
        }

        try
        {
            var at = 5;
            frame = new InFrame(
                NullIfEmpty(Take(span, ref at, joinRef)),
                NullIfEmpty(Take(span, ref at, reference)),
                Take(span, ref at, topic),
                Take(span, ref at, name),
                ChannelPayload.Binary(bytes[data..]));
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }

    public static OutFrame Push(string? joinRef, string topic, string name, ReadOnlySpan<byte> data) =>
        Encode(PushKind, data, joinRef ?? "", topic, name);

    public static OutFrame Reply(string? joinRef, string? reference, string topic, string status, ReadOnlySpan<byte> data) =>
        Encode(ReplyKind, data, joinRef ?? "", reference ?? "", topic, status);

    public static OutFrame Broadcast(string topic, string name, ReadOnlySpan<byte> data) =>
        Encode(BroadcastKind, data, topic, name);

    private static OutFrame Encode(byte kind, ReadOnlySpan<byte> data, params ReadOnlySpan<string> names)
    {
        var size = 1 + names.Length + data.Length;
        foreach (var name in names)
        {
            var length = Encoding.UTF8.GetByteCount(name);
            if (length > byte.MaxValue)
            {
                throw new ArgumentException($"A binary frame holds names of at most 255 bytes; '{name[..16]}...' has {length}.");
            }

            size += length;
        }

        var bytes = new byte[size];
        bytes[0] = kind;
        var at = 1 + names.Length;
        for (var i = 0; i < names.Length; i++)
        {
            var length = Encoding.UTF8.GetBytes(names[i], bytes.AsSpan(at));
            bytes[1 + i] = (byte)length;
            at += length;
        }

        data.CopyTo(bytes.AsSpan(at));
        return new OutFrame(bytes, default, true);
    }

    private static string Take(ReadOnlySpan<byte> span, ref int at, int length)
    {
        var text = Utf8.GetString(span.Slice(at, length));
        at += length;
        return text;
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
