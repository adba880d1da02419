using System.Text.Json;

namespace Presence.Channels;

/// <summary>Version 1, for old clients: <c>{topic, event, payload, ref}</c>, without join references and binary frames.</summary>
internal sealed class V1Serializer : IFrameSerializer
{
    public int Slot => 0;

    public bool CarriesBinary => false;

    public bool TryDecode(ReadOnlyMemory<byte> bytes, bool binary, out InFrame frame)
    {
        frame = default;
        try
        {
            return !binary && TryDecodeText(bytes, out frame);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    public OutFrame Push(string? joinRef, string topic, string name, ChannelPayload payload) =>
        Broadcast(topic, name, payload);

    public OutFrame PushShared(string? joinRef, string topic, string name, SharedPayload payload) =>
        Broadcast(topic, name, payload.Payload);

    public OutFrame Broadcast(string topic, string name, ChannelPayload payload) => Text(null, topic, name, payload);

    public OutFrame Ended(string? joinRef, string topic, string name, ChannelPayload payload) =>
        Text(joinRef, topic, name, payload);

    public OutFrame Reply(string? joinRef, string? reference, string topic, ChannelReply reply)
    {
        RefuseBinary(reply.Payload);
        var frame = FrameBuffer.Rent();
        WriteHead(frame, reference, topic, WireEvents.Reply);
        frame.Raw("{\"status\":"u8);
        frame.String(reply.Status);
        frame.Raw(",\"response\":"u8);
        frame.Raw(reply.Payload.Bytes.Span);
        frame.Raw("}}"u8);
        return new OutFrame(frame.ToArrayAndReturn(), default, false);
    }

    private static OutFrame Text(string? reference, string topic, string name, ChannelPayload payload)
    {
        RefuseBinary(payload);
        var frame = FrameBuffer.Rent();
        WriteHead(frame, reference, topic, name);
        frame.Raw(payload.Bytes.Span);
        frame.Raw("}"u8);
        return new OutFrame(frame.ToArrayAndReturn(), default, false);
    }

    private static void WriteHead(FrameBuffer frame, string? reference, string topic, string name)
    {
        frame.Raw("{\"ref\":"u8);
        frame.StringOrNull(reference);
        frame.Raw(",\"topic\":"u8);
        frame.String(topic);
        frame.Raw(",\"event\":"u8);
        frame.String(name);
        frame.Raw(",\"payload\":"u8);
    }

    private static void RefuseBinary(ChannelPayload payload)
    {
        if (payload.IsBinary)
        {
            throw new NotSupportedException("Version 1 of the protocol has no binary frames.");
        }
    }

    private static bool TryDecodeText(ReadOnlyMemory<byte> bytes, out InFrame frame)
    {
        frame = default;
        string? reference = null, topic = null, name = null;
        var payload = ChannelPayload.Empty;
        var reader = new Utf8JsonReader(bytes.Span);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var property = reader.GetString();
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            var text = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            reader.Skip();
            switch (property)
            {
                case "topic":
                    topic = text;
                    break;
                case "event":
                    name = text;
                    break;
                case "ref":
                    reference = text;
                    break;
                case "payload":
                    payload = ChannelPayload.Trusted(bytes[start..(int)reader.BytesConsumed]);
                    break;
            }
        }

        if (reader.Read() || topic is null || name is null || reference?.Length > byte.MaxValue)
        {
            return false;
        }

        // A join of version 1 has no reference of its own; its ref stands in, so that phx_close can be told apart.
        frame = new InFrame(name == WireEvents.Join ? reference : null, reference, topic, name, payload);
        return true;
    }
}
