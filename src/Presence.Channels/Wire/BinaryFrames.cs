using System.Text;
using System.Text.Unicode;

namespace Presence.Channels.Wire;

/// <summary>Binary frames of version 2: a kind, one byte of length per name, the names, the data.</summary>
internal static class BinaryFrames
{
    private const byte PushKind = 0;
    private const byte ReplyKind = 1;
    private const byte BroadcastKind = 2;

    public static bool TryDecodePush(
        IFrameSerializer serializer, ReadOnlyMemory<byte> bytes, out InFrame frame)
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

        var at = 5;
        WireValue joinReference = NullIfEmpty(Read(span, ref at, joinRef));
        WireValue messageReference = NullIfEmpty(Read(span, ref at, reference));
        var (topicText, nameText) = (Read(span, ref at, topic), Read(span, ref at, name));

        // The stock client writes other characters than those of ASCII in one byte each.
        ChannelPayload? problem = Utf8.IsValid(span[5..data]) ? null : PhoenixReasons.InvalidText;
        var payload = ChannelPayload.Binary(bytes[data..]);
        return InFrame.TryCreate(
            serializer, (joinReference, messageReference), topicText, nameText, (payload, problem), out frame);
    }

    public static OutFrame Push(string? joinRef, string topic, string name, ReadOnlySpan<byte> data) =>
        Encode(PushKind, data, joinRef ?? "", topic, name);

    public static OutFrame Reply(
        string? joinRef, string? reference, string topic, string status, ReadOnlySpan<byte> data) =>
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
                throw new ArgumentException(
                    $"A binary frame holds names of at most 255 bytes; '{name[..16]}...' has {length}.");
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

    private static string Read(ReadOnlySpan<byte> span, ref int at, int length)
    {
        var text = Encoding.UTF8.GetString(span.Slice(at, length));
        at += length;
        return text;
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
