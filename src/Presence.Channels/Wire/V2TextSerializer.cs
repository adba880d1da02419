using System.Buffers;
using System.Buffers.Text;

namespace Presence.Channels.Wire;

/// <summary>
/// Version 2 for long-polling clients, which read every message as JSON text. Binary frames are decoded; a binary
/// payload to the client becomes a JSON string in base64.
/// </summary>
internal sealed class V2TextSerializer(IFrameSerializer v2) : IFrameSerializer
{
    public int Slot => 2;
    public bool SupportsBinary => true;

    public bool TryDecode(ReadOnlyMemory<byte> bytes, bool binary, out InFrame frame) =>
        v2.TryDecode(bytes, binary, out frame);

    public OutFrame Push(WireValue joinRef, string topic, string name, ChannelPayload payload) =>
        WithText(payload, text => v2.Push(joinRef, topic, name, text));

    public OutFrame PushShared(WireValue joinRef, string topic, string name, SharedPayload payload) =>
        v2.PushShared(joinRef, topic, name, payload);

    public OutFrame Reply(WireValue joinRef, WireValue reference, WireValue topic, ChannelReply reply) =>
        WithText(reply.Payload, text => v2.Reply(joinRef, reference, topic, reply with { Payload = text }));

    public OutFrame Broadcast(string topic, string name, ChannelPayload payload) =>
        WithText(payload, text => v2.Broadcast(topic, name, text));

    public OutFrame Ended(WireValue joinRef, string topic, string name, ChannelPayload payload) =>
        v2.Ended(joinRef, topic, name, payload);

    /// <summary>Encodes a frame with the payload as text, which is in the frame only.</summary>
    private static OutFrame WithText(ChannelPayload payload, Func<ChannelPayload, OutFrame> encode)
    {
        if (!payload.IsBinary)
        {
            return encode(payload);
        }

        var length = Base64.GetMaxEncodedToUtf8Length(payload.Bytes.Length) + 2;
        var text = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            text[0] = text[length - 1] = (byte)'"';
            Base64.EncodeToUtf8(payload.Bytes.Span, text.AsSpan(1), out _, out _);
            return encode(ChannelPayload.Trusted(text.AsMemory(0, length)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(text);
        }
    }
}
