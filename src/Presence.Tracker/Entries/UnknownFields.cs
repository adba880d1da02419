using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Presence.Tracker.Entries;

/// <summary>Keeps the fields of metadata that the type of a writer does not know.</summary>
internal static class UnknownFields
{
    private static readonly JsonWriterOptions Unescaped =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Returns the fields of <paramref name="written"/>, and the unknown ones of what it replaces.</summary>
    /// <remarks>Fields stay in their order, so that unchanged metadata are equal bytes.</remarks>
    public static PresenceMeta Keep(JsonTypeInfo type, PresenceMeta current, PresenceMeta written)
    {
        if (!HasUnknown(type))
        {
            return written;
        }

        using var before = JsonDocument.Parse(current.Utf8);
        using var after = JsonDocument.Parse(written.Utf8);
        var buffer = new ArrayBufferWriter<byte>(current.Length + written.Length);
        using (var to = new Utf8JsonWriter(buffer, Unescaped))
        {
            Merge(to, type, before.RootElement, after.RootElement);
        }

        return PresenceMeta.Trusted(buffer.WrittenSpan.ToArray());
    }

    /// <summary>Returns metadata with other values of some fields, which are JSON; the others are kept.</summary>
    public static PresenceMeta Replace(PresenceMeta meta, params ReadOnlySpan<(string Name, string Json)> fields)
    {
        using var before = JsonDocument.Parse(meta.Utf8);
        var buffer = new ArrayBufferWriter<byte>(meta.Length + 64);
        using (var to = new Utf8JsonWriter(buffer, Unescaped))
        {
            to.WriteStartObject();
            foreach (var field in before.RootElement.EnumerateObject())
            {
                var isReplaced = false;
                foreach (var (name, _) in fields)
                {
                    isReplaced |= field.NameEquals(name);
                }

                if (!isReplaced)
                {
                    Write(to, field.Name, null, field.Value, field.Value);
                }
            }

            foreach (var (name, json) in fields)
            {
                to.WritePropertyName(name);
                to.WriteRawValue(json);
            }

            to.WriteEndObject();
        }

        return PresenceMeta.Trusted(buffer.WrittenSpan.ToArray());
    }

    private static bool HasUnknown(JsonTypeInfo type) =>
        type is { Kind: JsonTypeInfoKind.Object, PolymorphismOptions: null }
        && !type.Properties.Any(property => property.IsExtensionData);

    private static void Merge(Utf8JsonWriter to, JsonTypeInfo type, JsonElement before, JsonElement after)
    {
        var ignoresCase = type.Options.PropertyNameCaseInsensitive;
        var names = ignoresCase ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;
        var left = new OrderedDictionary<string, JsonElement>(names);
        foreach (var field in after.EnumerateObject())
        {
            left[field.Name] = field.Value;
        }

        to.WriteStartObject();
        foreach (var field in before.EnumerateObject())
        {
            var property = type.Properties.FirstOrDefault(p => names.Equals(p.Name, field.Name));
            if (left.Remove(field.Name, out var value))
            {
                Write(to, property?.Name ?? field.Name, TypeOf(property), field.Value, value);
            }
            else if (property is null)
            {
                Write(to, field.Name, null, field.Value, field.Value);
            }
        }

        foreach (var (name, value) in left)
        {
            Write(to, name, null, value, value);
        }

        to.WriteEndObject();
    }

    private static void Write(
        Utf8JsonWriter to, string name, JsonTypeInfo? type, JsonElement before, JsonElement after)
    {
        to.WritePropertyName(name);
        if (type is not null && before.ValueKind == JsonValueKind.Object && after.ValueKind == JsonValueKind.Object)
        {
            Merge(to, type, before, after);
        }
        else
        {
            to.WriteRawValue(JsonMarshal.GetRawUtf8Value(after), skipInputValidation: true);
        }
    }

    private static JsonTypeInfo? TypeOf(JsonPropertyInfo? property) =>
        property is { CustomConverter: null }
        && property.Options.TryGetTypeInfo(property.PropertyType, out var type)
        && HasUnknown(type)
            ? type
            : null;
}
