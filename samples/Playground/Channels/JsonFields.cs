using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Presence.Channels;

namespace Presence.Samples.Playground;

/// <summary>Reads and writes the properties of a JSON object in their order, with unchanged values.</summary>
internal static class JsonFields
{
    private static readonly JsonWriterOptions Unescaped =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Returns the properties of an object, the last one of each name; null if it is no object.</summary>
    public static OrderedDictionary<string, JsonElement>? Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var fields = new OrderedDictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var property in json.EnumerateObject())
        {
            fields[property.Name] = property.Value;
        }

        return fields;
    }

    public static ReadOnlyMemory<byte> Write(OrderedDictionary<string, JsonElement> fields)
    {
        // Enough for names and values without a larger buffer; the writer reserves thrice the length of a name.
        var buffer = new ArrayBufferWriter<byte>(fields.Sum(f => (3 * f.Key.Length) + Raw(f.Value).Length + 8) + 8);
        using (var json = new Utf8JsonWriter(buffer, Unescaped))
        {
            json.WriteStartObject();
            foreach (var (name, value) in fields)
            {
                json.WritePropertyName(name);
                json.WriteRawValue(Raw(value), skipInputValidation: true);
            }

            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    private static ReadOnlySpan<byte> Raw(JsonElement value) => JsonMarshal.GetRawUtf8Value(value);

    /// <summary>
    /// Returns the payload with one property set; null if the payload is no JSON object.
    /// </summary>
    public static ChannelPayload? With(ChannelPayload payload, string name, string value)
    {
        if (payload.IsBinary)
        {
            return null;
        }

        using var json = JsonDocument.Parse(payload.Bytes);
        if (Read(json.RootElement) is not { } fields)
        {
            return null;
        }

        fields[name] = JsonSerializer.SerializeToElement(value);
        return ChannelPayload.Json(Write(fields));
    }
}
