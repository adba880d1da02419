using System.Buffers;
using System.Text.Json;

namespace Presence.Channels;

/// <summary>Version 2: <c>[join_ref, ref, topic, event, payload]</c>, and binary frames.</summary>
internal sealed class V2Serializer : IFrameSerializer
{
    /// <summary>Below this size a copy of the payload is cheaper than a second fragment.</summary>
    private const int ShareFrom = 1024;

    public int Slot => 1;

    public bool CarriesBinary => true;

    public bool TryDecode(ReadOnlyMemory<byte> bytes, bool binary, out InFrame frame)
    {
        frame = default;
        if (binary)
        {
            return BinaryFrames.TryDecodePush(bytes, out frame);
        }

        try
        {
            return TryDecodeText(bytes, out frame);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: half of a surrogate pair in one of the names.
            return false;
        }
    }

    public OutFrame Push(string? joinRef, string topic, string name, ChannelPayload payload) =>
        payload.IsBinary
            ? BinaryFrames.Push(joinRef, topic, name, payload.Bytes.Span)
            : Text(joinRef, null, topic, name, payload);

    public OutFrame PushShared(string? joinRef, string topic, string name, SharedPayload payload)
    {
        if (payload.Closed.Length < ShareFrom)
        {
            return Push(joinRef, topic, name, payload.Payload);
        }

        var frame = FrameBuffer.Rent();
        WriteHead(frame, joinRef, null, topic, name);
        return new OutFrame(frame.ToArrayAndReturn(), payload.Closed, false);
    }

    public OutFrame Broadcast(string topic, string name, ChannelPayload payload) =>
        payload.IsBinary
            ? BinaryFrames.Broadcast(topic, name, payload.Bytes.Span)
            : Text(null, null, topic, name, payload);

    public OutFrame Reply(string? joinRef, string? reference, string topic, ChannelReply reply)
    {
        if (reply.Payload.IsBinary)
        {
            return BinaryFrames.Reply(joinRef, reference, topic, reply.Status, reply.Payload.Bytes.Span);
        }

        var frame = FrameBuffer.Rent();
        WriteHead(frame, joinRef, reference, topic, WireEvents.Reply);
        frame.Raw("{\"status\":"u8);
        frame.String(reply.Status);
        frame.Raw(",\"response\":"u8);
        frame.Raw(reply.Payload.Bytes.Span);
        frame.Raw("}]"u8);
        return new OutFrame(frame.ToArrayAndReturn(), default, false);
    }

    public OutFrame Ended(string? joinRef, string topic, string name, ChannelPayload payload) =>
        Text(joinRef, joinRef, topic, name, payload);

    private static OutFrame Text(string? joinRef, string? reference, string topic, string name, ChannelPayload payload)
    {
        var frame = FrameBuffer.Rent();
        WriteHead(frame, joinRef, reference, topic, name);
        frame.Raw(payload.Bytes.Span);
        frame.Raw("]"u8);
        return new OutFrame(frame.ToArrayAndReturn(), default, false);
    }

    private static void WriteHead(FrameBuffer frame, string? joinRef, string? reference, string topic, string name)
    {
        frame.Raw("["u8);
        frame.StringOrNull(joinRef);
        frame.Raw(","u8);
        frame.StringOrNull(reference);
        frame.Raw(","u8);
        frame.String(topic);
        frame.Raw(","u8);
        frame.String(name);
        frame.Raw(","u8);
    }

    private static bool TryDecodeText(ReadOnlyMemory<byte> bytes, out InFrame frame)
    {
        frame = default;
        var reader = new Utf8JsonReader(bytes.Span);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray
            || !TryReadRef(ref reader, out var joinRef) || !TryReadRef(ref reader, out var reference)
            || !TryReadName(ref reader, out var topic) || !TryReadName(ref reader, out var name))
        {
            return false;
        }

        reader.Read();
        if (reader.TokenType == JsonTokenType.EndArray)
        {
            return false;
        }

        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        var payload = ChannelPayload.Trusted(bytes[start..(int)reader.BytesConsumed]);

        // Further elements are ignored, but the frame must be whole.
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            reader.Skip();
        }

        if (reader.Read())
        {
            return false;
        }

        frame = new InFrame(joinRef, reference, topic, name, payload);
        return true;
    }

    private static bool TryReadRef(ref Utf8JsonReader reader, out string? value)
    {
        value = null;
        reader.Read();
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return true;
            case JsonTokenType.String when reader.ValueSpan.Length <= byte.MaxValue:
                value = reader.GetString();
                return true;
            default:
                return false;
        }
    }

    private static bool TryReadName(ref Utf8JsonReader reader, out string value)
    {
        reader.Read();
        value = reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
        return reader.TokenType == JsonTokenType.String;
    }
}
