using System.Text.Json;
using Presence.Tracker.Entries;

namespace Presence.Channels.Wire;

/// <summary>Version 1: <c>{topic, event, payload, ref}</c>, without join references and binary frames.</summary>
internal sealed class V1Serializer : IFrameSerializer
{
    public int Slot => 0;
    public bool SupportsBinary => false;

    public bool TryDecode(ReadOnlyMemory<byte> bytes, bool binary, out InFrame frame)
    {
        frame = default;
        try
        {
            return !binary && TryDecodeText(bytes, out frame);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a name that is not UTF-8.
            return false;
        }
    }

    public OutFrame Push(WireValue joinRef, string topic, string name, ChannelPayload payload) =>
        Broadcast(topic, name, payload);

    public OutFrame PushShared(WireValue joinRef, string topic, string name, SharedPayload payload) =>
        Broadcast(topic, name, payload.Payload);

    public OutFrame Broadcast(string topic, string name, ChannelPayload payload) => Text(null, topic, name, payload);

    public OutFrame Ended(WireValue joinRef, string topic, string name, ChannelPayload payload) =>
        Text(joinRef, topic, name, payload);

    public OutFrame Reply(WireValue joinRef, WireValue reference, WireValue topic, ChannelReply reply)
    {
        RejectBinary(reply.Payload);
        var frame = FrameBuffer.Rent();
        WriteHead(frame, reference, topic, PhoenixEvents.Reply);
        frame.Raw("{\"status\":"u8);
        frame.String(reply.Status);
        frame.Raw(",\"response\":"u8);
        frame.Raw(reply.Payload.Bytes.Span);
        frame.Raw("}}"u8);
        return new OutFrame(frame.ToArrayAndReturn(), default, false);
    }

    private static OutFrame Text(WireValue reference, string topic, string name, ChannelPayload payload)
    {
        RejectBinary(payload);
        var frame = FrameBuffer.Rent();
        WriteHead(frame, reference, topic, name);
        frame.Raw(payload.Bytes.Span);
        frame.Raw("}"u8);
        return new OutFrame(frame.ToArrayAndReturn(), default, false);
    }

    private static void WriteHead(FrameBuffer frame, WireValue reference, WireValue topic, string name)
    {
        frame.Raw("{\"ref\":"u8);
        frame.Value(reference);
        frame.Raw(",\"topic\":"u8);
        frame.Value(topic);
        frame.Raw(",\"event\":"u8);
        frame.String(name);
        frame.Raw(",\"payload\":"u8);
    }

    private static void RejectBinary(ChannelPayload payload)
    {
        if (payload.IsBinary)
        {
            throw new NotSupportedException("Version 1 of the protocol has no binary frames.");
        }
    }

    private bool TryDecodeText(ReadOnlyMemory<byte> bytes, out InFrame frame)
    {
        frame = default;
        WireValue reference = default, topic = default, name = default;
        var payload = ChannelPayload.Empty;
        ChannelPayload? problem = null;
        var reader = new Utf8JsonReader(bytes.Span, IncomingJson.AnyDepth);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var property = JsonText.IsUnicode(reader) ? reader.GetString() : null;
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            switch (property)
            {
                case "topic": topic = WireValue.Read(ref reader, bytes.Span); break;
                case "event": name = WireValue.Read(ref reader, bytes.Span); break;
                case "ref": reference = WireValue.Read(ref reader, bytes.Span); break;
                case "payload":
                    problem = IncomingJson.Skip(ref reader);
                    payload = ChannelPayload.Trusted(bytes[start..(int)reader.BytesConsumed]);
                    break;
                default: reader.Skip(); break;
            }
        }

        if (reader.Read())
        {
            return false;
        }

        // A join of version 1 has no join reference; its ref is used instead, so that phx_close can be matched.
        var joinRef = name.Text == PhoenixEvents.Join ? reference : default;
        return InFrame.TryCreate(this, (joinRef, reference), topic, name, (payload, problem), out frame);
    }
}
