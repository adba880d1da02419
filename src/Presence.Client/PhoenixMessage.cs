using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Presence.Client;

internal readonly record struct PhoenixFrame(ReadOnlyMemory<byte> Bytes, bool IsBinary);

/// <summary>A message of version 2 of the protocol: <c>[join_ref, ref, topic, event, payload]</c>, or binary.</summary>
/// <param name="JoinRef">The join it belongs to; null for messages to a topic as a whole.</param>
/// <param name="Ref">The push it answers; null if it answers none.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Event">The event.</param>
/// <param name="Payload">The payload; of a reply, its response. Undefined if the frame is binary.</param>
internal sealed record PhoenixMessage(string? JoinRef, string? Ref, string Topic, string Event, JsonElement Payload)
{
    private const string Reply = "phx_reply";
    private static readonly JsonSerializerOptions Web =
        new(JsonSerializerOptions.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // Presences that nest as deep as a server accepts are some levels deeper in their message.
    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 128 };
    private const byte BinaryPush = 0;
    private const byte BinaryReply = 1;
    private const byte BinaryBroadcast = 2;

    /// <summary>Gets the status of a reply; null for any other message.</summary>
    public string? Status { get; init; }

    /// <summary>Gets the payload of a binary frame; null for text.</summary>
    public ReadOnlyMemory<byte>? Data { get; init; }

    /// <summary>Decodes a frame from the server. The message keeps nothing of the frame's memory.</summary>
    /// <exception cref="PhoenixException">The frame is not a message of the protocol.</exception>
    public static PhoenixMessage Decode(PhoenixFrame frame)
    {
        try
        {
            return frame.IsBinary ? DecodeBinary(frame.Bytes.Span) : DecodeText(frame.Bytes);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IndexOutOfRangeException
            or KeyNotFoundException or ArgumentException)
        {
            throw new PhoenixException($"The server sent a frame that is no message: {e.Message}", e);
        }
    }

    /// <summary>Encodes a push: bytes as a binary frame, other payloads as JSON, null as an empty object.</summary>
    /// <exception cref="OverflowException">A name of a binary frame has more than 255 bytes.</exception>
    public static PhoenixFrame Encode(string? joinRef, string? reference, string topic, string name, object? payload)
    {
        if (payload is byte[] data)
        {
            var names = new[] { joinRef ?? "", reference ?? "", topic, name }.Select(Encoding.UTF8.GetBytes).ToArray();
            var lengths = names.Select(n => checked((byte)n.Length));
            byte[] frame = [BinaryPush, .. lengths, .. names.SelectMany(n => n), .. data];
            return new(frame, true);
        }

        var buffer = new ArrayBufferWriter<byte>(128);
        using (var json = new Utf8JsonWriter(buffer, new() { Encoder = Web.Encoder }))
        {
            json.WriteStartArray();
            json.WriteStringValue(joinRef);
            json.WriteStringValue(reference);
            json.WriteStringValue(topic);
            json.WriteStringValue(name);
            JsonSerializer.Serialize(json, payload ?? new { }, Web);
            json.WriteEndArray();
        }

        return new(buffer.WrittenMemory, false);
    }

    private static PhoenixMessage DecodeText(ReadOnlyMemory<byte> utf8)
    {
        using var json = JsonDocument.Parse(utf8, Deep);
        var parts = json.RootElement;
        var (name, payload) = (parts[3].GetString()!, parts[4]);
        var isReply = name == Reply;
        return new(
            parts[0].GetString(),
            parts[1].GetString(),
            parts[2].GetString()!,
            name,
            (isReply ? payload.GetProperty("response") : payload).Clone())
        {
            Status = isReply ? payload.GetProperty("status").GetString() : null,
        };
    }

    private static PhoenixMessage DecodeBinary(ReadOnlySpan<byte> bytes)
    {
        var names = new string[bytes[0] switch
        {
            BinaryPush => 3,
            BinaryReply => 4,
            BinaryBroadcast => 2,
            var other => throw new ArgumentException($"kind {other}"),
        }];
        var at = 1 + names.Length;
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = Encoding.UTF8.GetString(bytes.Slice(at, bytes[1 + i]));
            at += bytes[1 + i];
        }

        PhoenixMessage message = bytes[0] switch
        {
            BinaryPush => new(names[0], null, names[1], names[2], default),
            BinaryReply => new(names[0], names[1], names[2], Reply, default) { Status = names[3] },
            _ => new(null, null, names[0], names[1], default),
        };
        return message with { Data = bytes[at..].ToArray() };
    }
}
