using System.Buffers;
using System.Text;
using System.Text.Json;
using Presence.Channels;

namespace Presence.TestKit;

/// <summary>What came from the server in one frame.</summary>
internal readonly record struct ClientFrame(string? JoinRef, string? Ref, string Topic, string Event, ChannelPayload Payload)
{
    public const string ReplyEvent = "phx_reply";

    /// <summary>Of an answer.</summary>
    public string? Status { get; init; }
}

/// <summary>The client's side of version 2 of the protocol.</summary>
internal static class ClientFrames
{
    public static ReadOnlyMemory<byte> Encode(string? joinRef, string? reference, string topic, string name, ChannelPayload payload)
    {
        if (payload.IsBinary)
        {
            return EncodeBinary(joinRef ?? "", reference ?? "", topic, name, payload.Bytes.Span);
        }

        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            json.WriteStringValue(joinRef);
            json.WriteStringValue(reference);
            json.WriteStringValue(topic);
            json.WriteStringValue(name);
            json.WriteRawValue(payload.Bytes.Span);
            json.WriteEndArray();
        }

        return buffer.WrittenMemory;
    }

    public static ClientFrame Decode(OutFrame frame)
    {
        byte[] bytes = [.. frame.Head.Span, .. frame.Body.Span];
        return frame.IsBinary ? DecodeBinary(bytes) : DecodeText(bytes);
    }

    private static ClientFrame DecodeText(byte[] bytes)
    {
        using var json = JsonDocument.Parse(bytes);
        var root = json.RootElement;
        var frame = new ClientFrame(root[0].GetString(), root[1].GetString(), root[2].GetString()!, root[3].GetString()!, Raw(root[4]));
        return frame.Event != ClientFrame.ReplyEvent
            ? frame
            : frame with { Status = root[4].GetProperty("status").GetString(), Payload = Raw(root[4].GetProperty("response")) };
    }

    private static ChannelPayload Raw(JsonElement json) => ChannelPayload.Json(json.GetRawText());

    private static ClientFrame DecodeBinary(byte[] bytes)
    {
        var names = bytes[0] switch
        {
            0 => 3,
            1 => 4,
            _ => 2,
        };
        var texts = new string[names];
        var at = 1 + names;
        for (var i = 0; i < names; i++)
        {
            texts[i] = Encoding.UTF8.GetString(bytes.AsSpan(at, bytes[1 + i]));
            at += bytes[1 + i];
        }

        var payload = ChannelPayload.Binary(bytes.AsMemory(at));
        return bytes[0] switch
        {
            0 => new ClientFrame(texts[0], null, texts[1], texts[2], payload),
            1 => new ClientFrame(texts[0], texts[1], texts[2], ClientFrame.ReplyEvent, payload) { Status = texts[3] },
            _ => new ClientFrame(null, null, texts[0], texts[1], payload),
        };
    }

    private static byte[] EncodeBinary(string joinRef, string reference, string topic, string name, ReadOnlySpan<byte> data)
    {
        string[] names = [joinRef, reference, topic, name];
        var bytes = new List<byte> { 0 };
        foreach (var text in names)
        {
            bytes.Add(checked((byte)Encoding.UTF8.GetByteCount(text)));
        }

        foreach (var text in names)
        {
            bytes.AddRange(Encoding.UTF8.GetBytes(text));
        }

        bytes.AddRange(data);
        return [.. bytes];
    }
}
