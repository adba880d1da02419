using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Presence.Channels;

/// <summary>Payload of a message: UTF-8 JSON, kept as the received bytes, or the bytes of a binary frame.</summary>
/// <remarks>Payloads are forwarded without encoding them again. The default value is the empty JSON object.</remarks>
public readonly struct ChannelPayload
{
    private static readonly byte[] EmptyObject = "{}"u8.ToArray();

    /// <summary>The web defaults, with text left as UTF-8: it is never part of a page.</summary>
    private static readonly JsonSerializerOptions Web =
        new(JsonSerializerOptions.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly bool _hasBytes;

    private ChannelPayload(ReadOnlyMemory<byte> bytes, bool binary)
    {
        _bytes = bytes;
        _hasBytes = true;
        IsBinary = binary;
    }

    /// <summary>Gets the empty JSON object.</summary>
    public static ChannelPayload Empty => default;

    /// <summary>Gets whether it is sent in a binary frame; otherwise the bytes are one JSON value.</summary>
    public bool IsBinary { get; }

    /// <summary>Gets the bytes. They may be shared; do not write to them.</summary>
    public ReadOnlyMemory<byte> Bytes => _hasBytes ? _bytes : EmptyObject;

    /// <summary>Serializes a value with the web defaults (camel case).</summary>
    public static ChannelPayload From<T>(T value, JsonSerializerOptions? options = null) =>
        new(JsonSerializer.SerializeToUtf8Bytes(value, options ?? Web), false);

    /// <summary>Serializes a value without reflection, as a source-generated context says.</summary>
    public static ChannelPayload From<T>(T value, JsonTypeInfo<T> type) =>
        new(JsonSerializer.SerializeToUtf8Bytes(value, type), false);

    /// <summary>Wraps one JSON value in UTF-8; the bytes are not copied.</summary>
    /// <exception cref="JsonException">The bytes are not one well-formed JSON value.</exception>
    public static ChannelPayload Json(ReadOnlyMemory<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8.Span);
        reader.Read();
        reader.Skip();
        if (reader.Read())
        {
            throw new JsonException("A payload must be one JSON value with nothing after it.");
        }

        return new ChannelPayload(utf8, false);
    }

    /// <summary>Creates a payload from the text of one JSON value.</summary>
    /// <exception cref="JsonException">The text is not one well-formed JSON value.</exception>
    public static ChannelPayload Json(string json) => Json(Encoding.UTF8.GetBytes(json));

    /// <summary>Wraps bytes for a binary frame; they are not copied.</summary>
    public static ChannelPayload Binary(ReadOnlyMemory<byte> bytes) => new(bytes, true);

    /// <summary>Deserializes the JSON.</summary>
    /// <exception cref="JsonException">The JSON does not fit the type.</exception>
    /// <exception cref="InvalidOperationException">The payload is binary.</exception>
    public T? As<T>(JsonSerializerOptions? options = null) =>
        JsonSerializer.Deserialize<T>(JsonBytes.Span, options ?? Web);

    /// <summary>Deserializes the JSON without reflection, as a source-generated context says.</summary>
    /// <exception cref="JsonException">The JSON does not fit the type.</exception>
    /// <exception cref="InvalidOperationException">The payload is binary.</exception>
    public T? As<T>(JsonTypeInfo<T> type) => JsonSerializer.Deserialize(JsonBytes.Span, type);

    /// <summary>Deserializes the JSON, if the payload is JSON that fits the type and is not null.</summary>
    public bool TryAs<T>(JsonTypeInfo<T> type, [NotNullWhen(true)] out T? value) => TryAs(type, out value, out _);

    /// <param name="type">How the JSON is read.</param>
    /// <param name="value">The value.</param>
    /// <param name="path">Where the JSON does not fit.</param>
    internal bool TryAs<T>(JsonTypeInfo<T> type, [NotNullWhen(true)] out T? value, out string path)
    {
        (value, path) = (default, "$");
        try
        {
            value = IsBinary ? default : As(type);
            return !IsBinary && value is not null;
        }
        catch (JsonException e)
        {
            path = e.Path ?? path;
            return false;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException)
        {
            // A constructor or converter of the application rejects the value.
            return false;
        }
    }

    /// <summary>Returns the JSON as an element of its own.</summary>
    /// <exception cref="InvalidOperationException">The payload is binary.</exception>
    public JsonElement ToElement()
    {
        var reader = new Utf8JsonReader(JsonBytes.Span);
        return JsonElement.ParseValue(ref reader);
    }

    /// <summary>Returns the JSON text, or the number of bytes.</summary>
    public override string ToString() => IsBinary ? $"<<{_bytes.Length} bytes>>" : Encoding.UTF8.GetString(Bytes.Span);

    /// <summary>Wraps bytes that are known to be one JSON value.</summary>
    internal static ChannelPayload Trusted(ReadOnlyMemory<byte> json) => new(json, false);

    /// <summary>Copies the bytes of a received frame, which are in a pooled buffer.</summary>
    internal ChannelPayload Detached() => _hasBytes ? new ChannelPayload(_bytes.ToArray(), IsBinary) : this;

    private ReadOnlyMemory<byte> JsonBytes =>
        IsBinary ? throw new InvalidOperationException("The payload is binary, not JSON.") : Bytes;
}
