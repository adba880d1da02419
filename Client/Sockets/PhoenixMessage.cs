using System.Buffers;
using System.Text.Json;

namespace Presence.Client;

/// <summary>One message of the protocol, version 2: <c>[join_ref, ref, topic, event, payload]</c>.</summary>
/// <param name="JoinRef">The join it belongs to; null for those to a topic as a whole.</param>
/// <param name="Ref">The push it is or answers; null if it is neither.</param>
/// <param name="Topic">Which topic.</param>
/// <param name="Event">What it is.</param>
/// <param name="Payload">What it says.</param>
internal sealed record PhoenixMessage(string? JoinRef, string? Ref, string Topic, string Event, JsonElement Payload)
{
    /// <exception cref="PhoenixException">The text is no message.</exception>
    public static PhoenixMessage Read(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using var json = JsonDocument.Parse(utf8);
            var parts = json.RootElement;
            return new PhoenixMessage(
                parts[0].GetString(),
                parts[1].GetString(),
                parts[2].GetString()!,
                parts[3].GetString()!,
                parts[4].Clone());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new PhoenixException($"The server sent something that is no message of the protocol: {e.Message}", e);
        }
    }

    /// <summary>Writes a message; the payload is any value that can be serialized, or JSON as it is.</summary>
    public static byte[] Write(string? joinRef, string? reference, string topic, string name, object? payload)
    {
        var buffer = new ArrayBufferWriter<byte>(128);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            json.WriteStringValue(joinRef);
            json.WriteStringValue(reference);
            json.WriteStringValue(topic);
            json.WriteStringValue(name);
            JsonSerializer.Serialize(json, payload ?? new { }, JsonSerializerOptions.Web);
            json.WriteEndArray();
        }

        return buffer.WrittenSpan.ToArray();
    }
}

/// <summary>The answer to a push.</summary>
/// <param name="Status"><c>ok</c>, <c>error</c> or a word of the channel's own.</param>
/// <param name="Response">What came with it.</param>
internal sealed record PhoenixReply(string Status, JsonElement Response)
{
    public bool IsOk => Status == "ok";

    public static PhoenixReply Of(JsonElement payload) => new(
        payload.GetProperty("status").GetString()!,
        payload.GetProperty("response"));

    /// <summary>The response of an <c>ok</c>.</summary>
    /// <exception cref="PhoenixException">It is not one; the message carries the reason that the server gave.</exception>
    public JsonElement Require(string what)
    {
        if (IsOk)
        {
            return Response;
        }

        var reason = Response.ValueKind == JsonValueKind.Object && Response.TryGetProperty("reason", out var given)
            ? given.ToString()
            : Response.GetRawText();
        throw new PhoenixException($"{what}: {reason}");
    }
}
