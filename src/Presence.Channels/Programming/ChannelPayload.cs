using System.Text;
using System.Text.Json;

namespace Presence.Channels;

/// <summary>What a message carries: UTF-8 JSON, kept as the bytes it arrived in, or anything at all in a binary frame.</summary>
/// <remarks>Never re-encoded on its way through. The default value is the empty JSON object.</remarks>
public readonly struct ChannelPayload
{
    private static readonly byte[] EmptyObject = "{}"u8.ToArray();

    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly bool _given;

    private ChannelPayload(ReadOnlyMemory<byte> bytes, bool binary)
    {
        _bytes = bytes;
        _given = true;
        IsBinary = binary;
    }

    /// <summary>The JSON object without members.</summary>
    public static ChannelPayload Empty => default;

    /// <summary>Whether it travels in a binary frame; otherwise the bytes are one JSON value.</summary>
    public bool IsBinary { get; }

    /// <summary>The bytes. They may be shared; do not write to them.</summary>
    public ReadOnlyMemory<byte> Bytes => _given ? _bytes : EmptyObject;

    /// <summary>Serializes a value with the web defaults (camel case).</summary>
    public static ChannelPayload From<T>(T value, JsonSerializerOptions? options = null) =>
        new(JsonSerializer.SerializeToUtf8Bytes(value, options ?? JsonSerializerOptions.Web), false);

    /// <summary>Takes one JSON value that somebody else wrote; the bytes are not copied.</summary>
    /// <exception cref="JsonException">The bytes are not one well-formed JSON value.</exception>
    public static ChannelPayload Json(ReadOnlyMemory<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8.Span);
        reader.Read();
        reader.Skip();
        if (reader.Read())
        {
            throw new JsonException("A payload is one JSON value and nothing after it.");
        }

        return new ChannelPayload(utf8, false);
    }

    /// <summary>Takes one JSON value that somebody else wrote.</summary>
    /// <exception cref="JsonException">The text is not one well-formed JSON value.</exception>
    public static ChannelPayload Json(string json) => Json(Encoding.UTF8.GetBytes(json));

    /// <summary>Bytes for a binary frame; they are not copied.</summary>
    public static ChannelPayload Binary(ReadOnlyMemory<byte> bytes) => new(bytes, true);

    /// <summary>Reads the JSON as <typeparamref name="T"/>.</summary>
    /// <exception cref="JsonException">The JSON does not fit the type.</exception>
    /// <exception cref="InvalidOperationException">The payload is binary.</exception>
    public T? As<T>(JsonSerializerOptions? options = null) =>
        JsonSerializer.Deserialize<T>(JsonBytes.Span, options ?? JsonSerializerOptions.Web);

    /// <summary>The JSON as an element that may be kept.</summary>
    /// <exception cref="InvalidOperationException">The payload is binary.</exception>
    public JsonElement ToElement()
    {
        var reader = new Utf8JsonReader(JsonBytes.Span);
        return JsonElement.ParseValue(ref reader);
    }

    /// <summary>The JSON text, or the number of bytes.</summary>
    public override string ToString() => IsBinary ? $"<<{_bytes.Length} bytes>>" : Encoding.UTF8.GetString(Bytes.Span);

    /// <summary>Wraps bytes that a serializer has already read as one JSON value.</summary>
    internal static ChannelPayload Trusted(ReadOnlyMemory<byte> json) => new(json, false);

    /// <summary>The same payload in bytes of its own: what was read lies in a pooled buffer.</summary>
    internal ChannelPayload Detached() => _given ? new ChannelPayload(_bytes.ToArray(), IsBinary) : this;

    private ReadOnlyMemory<byte> JsonBytes =>
        IsBinary ? throw new InvalidOperationException("The payload is binary, not JSON.") : Bytes;
}
