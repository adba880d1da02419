using System.Buffers;
using System.Text.Json;

namespace Presence.Channels.Wire;

/// <summary>Version 2: <c>[join_ref, ref, topic, event, payload]</c>, and binary frames.</summary>
internal sealed class V2Serializer : IFrameSerializer
{
    // Below this size a copy of the payload is cheaper than a second fragment.
    private const int MinSharedLength = 1024;

    public int Slot => 1;
    public bool SupportsBinary => true;

    public bool TryDecode(ReadOnlyMemory<byte> bytes, bool binary, out InFrame frame)
    {
        frame = default;
        if (binary)
        {
            return BinaryFrames.TryDecodePush(this, bytes, out frame);
        }

        try
        {
            return TryDecodeText(bytes, out frame);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a name that is not UTF-8.
            return false;
        }
    }

    public OutFrame Push(WireValue joinRef, string topic, string name, ChannelPayload payload) =>
        payload.IsBinary
            ? BinaryFrames.Push(joinRef.Text, topic, name, payload.Bytes.Span)
            : Text(joinRef, null, topic, name, payload);

    public OutFrame PushShared(WireValue joinRef, string topic, string name, SharedPayload payload)
    {
        if (payload.Closed.Length < MinSharedLength)
        {
            return Push(joinRef, topic, name, payload.Payload);
        }

        var frame = FrameBuffer.Rent();
        WriteHead(frame, joinRef, null, topic, name);
        return new OutFrame(frame.ToArrayAndReturn(), payload.Closed, false, payload);
    }

    public OutFrame Broadcast(string topic, string name, ChannelPayload payload) =>
        payload.IsBinary
            ? BinaryFrames.Broadcast(topic, name, payload.Bytes.Span)
            : Text(null, null, topic, name, payload);

    public OutFrame Reply(WireValue joinRef, WireValue reference, WireValue topic, ChannelReply reply)
    {
        if (reply.Payload.IsBinary)
        {
            return BinaryFrames.Reply(
                joinRef.Text, reference.Text, topic.Text!, reply.Status, reply.Payload.Bytes.Span);
        }

        var frame = FrameBuffer.Rent();
        WriteHead(frame, joinRef, reference, topic, PhoenixEvents.Reply);
        frame.Raw("{\"status\":"u8);
        frame.String(reply.Status);
        frame.Raw(",\"response\":"u8);
        frame.Raw(reply.Payload.Bytes.Span);
        frame.Raw("}]"u8);
        return new OutFrame(frame.ToArrayAndReturn(), default, false);
    }

    public OutFrame Ended(WireValue joinRef, string topic, string name, ChannelPayload payload) =>
        Text(joinRef, joinRef, topic, name, payload);

    private static OutFrame Text(
        WireValue joinRef, WireValue reference, string topic, string name, ChannelPayload payload)
    {
        var frame = FrameBuffer.Rent();
        WriteHead(frame, joinRef, reference, topic, name);
        frame.Raw(payload.Bytes.Span);
        frame.Raw("]"u8);
        return new OutFrame(frame.ToArrayAndReturn(), default, false);
    }

    private static void WriteHead(
        FrameBuffer frame, WireValue joinRef, WireValue reference, WireValue topic, string name)
    {
        frame.Raw("["u8);
        frame.Value(joinRef);
        frame.Raw(","u8);
        frame.Value(reference);
        frame.Raw(","u8);
        frame.Value(topic);
        frame.Raw(","u8);
        frame.String(name);
        frame.Raw(","u8);
    }

    private bool TryDecodeText(ReadOnlyMemory<byte> bytes, out InFrame frame)
    {
        frame = default;
        var reader = new Utf8JsonReader(bytes.Span, IncomingJson.AnyDepth);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            return false;
        }

        var (joinRef, reference) = (Next(ref reader, bytes.Span), Next(ref reader, bytes.Span));
        var (topic, name) = (Next(ref reader, bytes.Span), Next(ref reader, bytes.Span));
        reader.Read();
        if (reader.TokenType == JsonTokenType.EndArray)
        {
            return false;
        }

        var start = (int)reader.TokenStartIndex;
        var problem = IncomingJson.Skip(ref reader);
        var payload = ChannelPayload.Trusted(bytes[start..(int)reader.BytesConsumed]);

        // Further elements are ignored, but the frame must be complete.
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            reader.Skip();
        }

        return !reader.Read()
            && InFrame.TryCreate(this, (joinRef, reference), topic, name, (payload, problem), out frame);
    }

    private static WireValue Next(ref Utf8JsonReader reader, ReadOnlySpan<byte> bytes)
    {
        // At the end of a frame that is too short the end is no value, and stays where it is.
        return reader.Read() && reader.TokenType != JsonTokenType.EndArray
            ? WireValue.Read(ref reader, bytes)
            : default;
    }
}
