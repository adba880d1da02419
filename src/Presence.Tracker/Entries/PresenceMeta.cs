using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Presence.Tracker.Entries;
using Presence.Tracker.Wire;

namespace Presence.Tracker;

/// <summary>The metadata of one presence: a JSON object, stored and forwarded as the received UTF-8 bytes.</summary>
/// <remarks>The bytes are never re-encoded in the cluster. The default value is the empty object.</remarks>
public readonly struct PresenceMeta : IEquatable<PresenceMeta>
{
    private static readonly byte[] EmptyObject = "{}"u8.ToArray();

    private readonly ReadOnlyMemory<byte> _json;

    private PresenceMeta(ReadOnlyMemory<byte> json) => _json = json;

    /// <summary>Gets the empty object.</summary>
    public static PresenceMeta Empty => default;

    /// <summary>Gets the JSON object as UTF-8. The bytes are shared; do not write to them.</summary>
    public ReadOnlyMemory<byte> Utf8 => _json.IsEmpty ? EmptyObject : _json;

    /// <summary>Gets the size in bytes.</summary>
    public int Length => Utf8.Length;

    /// <summary>Parses a JSON object.</summary>
    /// <exception cref="PresenceMetaException">
    /// The text is not one well-formed JSON object, or contains an unpaired surrogate.
    /// </exception>
    public static PresenceMeta Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return Checked(ToUtf8(json));
    }

    /// <summary>Parses a JSON object; copies the bytes.</summary>
    /// <exception cref="PresenceMetaException">
    /// The bytes are not valid UTF-8 or not one well-formed JSON object.
    /// </exception>
    public static PresenceMeta Parse(ReadOnlySpan<byte> utf8) => Checked(utf8.ToArray());

    /// <summary>Serializes <paramref name="value"/>, which must serialize to a JSON object.</summary>
    /// <exception cref="PresenceMetaException">The value does not serialize to a JSON object.</exception>
    [RequiresUnreferencedCode("Use the overload with a JsonTypeInfo.")]
    [RequiresDynamicCode("Use the overload with a JsonTypeInfo.")]
    public static PresenceMeta From<T>(T value, JsonSerializerOptions? options = null) =>
        FromObject<T>(JsonSerializer.SerializeToUtf8Bytes(value, options ?? JsonText.Unescaped));

    /// <summary>Serializes <paramref name="value"/> without reflection, as a source-generated context says.</summary>
    /// <exception cref="PresenceMetaException">The value does not serialize to a JSON object.</exception>
    public static PresenceMeta From<T>(T value, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(type);
        var buffer = new ArrayBufferWriter<byte>(128);
        using (var to = new Utf8JsonWriter(buffer, new() { Encoder = JsonText.Unescaped.Encoder }))
        {
            JsonSerializer.Serialize(to, value, type);
        }

        return FromObject<T>(buffer.WrittenSpan.ToArray());
    }

    /// <summary>Deserializes the metadata as <typeparamref name="T"/>.</summary>
    /// <exception cref="JsonException">The metadata does not fit the type.</exception>
    [RequiresUnreferencedCode("Use the overload with a JsonTypeInfo.")]
    [RequiresDynamicCode("Use the overload with a JsonTypeInfo.")]
    public T? As<T>(JsonSerializerOptions? options = null) => JsonSerializer.Deserialize<T>(Utf8.Span, options);

    /// <summary>Deserializes the metadata without reflection, as a source-generated context says.</summary>
    /// <exception cref="JsonException">The metadata does not fit the type.</exception>
    public T? As<T>(JsonTypeInfo<T> type) => JsonSerializer.Deserialize(Utf8.Span, type);

    /// <summary>Parses a JSON object without copying it. The caller must not write to the bytes afterwards.</summary>
    /// <exception cref="PresenceMetaException">The bytes are not one well-formed JSON object.</exception>
    internal static PresenceMeta ParseShared(ReadOnlyMemory<byte> utf8) => Checked(utf8);

    /// <summary>Wraps bytes that are known to be a JSON object, without copying or checking them.</summary>
    internal static PresenceMeta Trusted(ReadOnlyMemory<byte> json) => new(json);

    /// <summary>Checks that bytes are one JSON object in UTF-8.</summary>
    /// <exception cref="PresenceMetaException">They are not.</exception>
    internal static void Check(ReadOnlySpan<byte> json)
    {
        CheckUtf8(json);
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw new PresenceMetaException("Metadata must be a JSON object.");
            }

            reader.Skip();
            if (reader.Read())
            {
                throw new PresenceMetaException("Metadata must be one JSON object and nothing after it.");
            }

            if (!JsonText.IsUnicode(json))
            {
                throw new PresenceMetaException("Metadata is not valid Unicode: it contains an unpaired surrogate.");
            }
        }
        catch (JsonException e)
        {
            throw new PresenceMetaException($"Metadata is not valid JSON: {e.Message}", e);
        }
    }

    private static PresenceMeta FromObject<T>(byte[] json)
    {
        CheckUtf8(json);
        return json is [(byte)'{', ..]
            ? new PresenceMeta(json)
            : throw new PresenceMetaException($"Metadata must be a JSON object; {typeof(T).Name} is none.");
    }

    private static PresenceMeta Checked(ReadOnlyMemory<byte> json)
    {
        Check(json.Span);
        return new PresenceMeta(json);
    }

    /// <summary>Checks the bytes within strings too, which <see cref="Utf8JsonReader"/> skips.</summary>
    private static void CheckUtf8(ReadOnlySpan<byte> json)
    {
        if (!System.Text.Unicode.Utf8.IsValid(json))
        {
            throw new PresenceMetaException("Metadata is not valid UTF-8.");
        }
    }

    private static byte[] ToUtf8(string json)
    {
        try
        {
            return StrictUtf8.Encoding.GetBytes(json);
        }
        catch (EncoderFallbackException e)
        {
            throw new PresenceMetaException("Metadata is not valid Unicode: it contains an unpaired surrogate.", e);
        }
    }

    /// <summary>Equal when the bytes are equal.</summary>
    public bool Equals(PresenceMeta other) => Utf8.Span.SequenceEqual(other.Utf8.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is PresenceMeta other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Utf8.Span);
        return hash.ToHashCode();
    }

    /// <summary>Returns the JSON text.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Utf8.Span);

    /// <summary>Equal when the bytes are equal.</summary>
    public static bool operator ==(PresenceMeta left, PresenceMeta right) => left.Equals(right);

    /// <summary>Different when the bytes differ.</summary>
    public static bool operator !=(PresenceMeta left, PresenceMeta right) => !left.Equals(right);
}
