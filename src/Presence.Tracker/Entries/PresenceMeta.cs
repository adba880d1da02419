using System.Text;
using System.Text.Json;

namespace Presence.Tracker;

/// <summary>The metadata of one presence: a JSON object, kept and forwarded as the UTF-8 bytes it arrived in.</summary>
/// <remarks>Never re-encoded on its way through the cluster. The default value is the empty object.</remarks>
public readonly struct PresenceMeta : IEquatable<PresenceMeta>
{
    private static readonly byte[] EmptyObject = "{}"u8.ToArray();

    private readonly ReadOnlyMemory<byte> _json;

    private PresenceMeta(ReadOnlyMemory<byte> json) => _json = json;

    /// <summary>The object without members.</summary>
    public static PresenceMeta Empty => default;

    /// <summary>The JSON object as UTF-8. The bytes are shared; do not write to them.</summary>
    public ReadOnlyMemory<byte> Utf8 => _json.IsEmpty ? EmptyObject : _json;

    /// <summary>Size in bytes.</summary>
    public int Length => Utf8.Length;

    /// <summary>Takes a JSON object written by somebody else.</summary>
    /// <exception cref="PresenceMetaException">The text is not one well-formed JSON object.</exception>
    public static PresenceMeta Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return Checked(Encoding.UTF8.GetBytes(json));
    }

    /// <summary>Takes a JSON object written by somebody else; the bytes are copied.</summary>
    /// <exception cref="PresenceMetaException">The bytes are not one well-formed JSON object.</exception>
    public static PresenceMeta Parse(ReadOnlySpan<byte> utf8) => Checked(utf8.ToArray());

    /// <summary>Serializes <paramref name="value"/>, which must become a JSON object.</summary>
    /// <exception cref="PresenceMetaException">The value does not become a JSON object.</exception>
    public static PresenceMeta From<T>(T value, JsonSerializerOptions? options = null)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(value, options);
        return json is [(byte)'{', ..]
            ? new PresenceMeta(json)
            : throw new PresenceMetaException($"Metadata must be a JSON object; {typeof(T).Name} became something else.");
    }

    /// <summary>Reads the metadata as <typeparamref name="T"/>.</summary>
    /// <exception cref="JsonException">The metadata does not fit the type.</exception>
    public T? As<T>(JsonSerializerOptions? options = null) => JsonSerializer.Deserialize<T>(Utf8.Span, options);

    /// <summary>Takes a JSON object without copying it. Nobody may write to the bytes afterwards.</summary>
    /// <exception cref="PresenceMetaException">The bytes are not one well-formed JSON object.</exception>
    internal static PresenceMeta ParseShared(ReadOnlyMemory<byte> utf8) => Checked(utf8);

    /// <summary>Wraps bytes that are known to be a JSON object, without a copy and without a look.</summary>
    internal static PresenceMeta Trusted(ReadOnlyMemory<byte> json) => new(json);

    private static PresenceMeta Checked(ReadOnlyMemory<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json.Span);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw new PresenceMetaException("Metadata must be a JSON object.");
            }

            reader.Skip();
            if (reader.Read())
            {
                throw new PresenceMetaException("Metadata must be one JSON object and nothing after it.");
            }
        }
        catch (JsonException e)
        {
            throw new PresenceMetaException($"Metadata is not valid JSON: {e.Message}", e);
        }

        return new PresenceMeta(json);
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

    /// <summary>The JSON text.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Utf8.Span);

    /// <summary>Equal when the bytes are equal.</summary>
    public static bool operator ==(PresenceMeta left, PresenceMeta right) => left.Equals(right);

    /// <summary>Different when the bytes differ.</summary>
    public static bool operator !=(PresenceMeta left, PresenceMeta right) => !left.Equals(right);
}
