using System.Buffers;
using System.Text.Json;
using Presence.Channels;

namespace Presence.Silo;

/// <summary>The members of a JSON object, in their order, with values as they came.</summary>
internal static class JsonFields
{
    /// <summary>The members of an object, a doubled name with its last value; null if it is no object.</summary>
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

    public static byte[] Write(OrderedDictionary<string, JsonElement> fields)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var (name, value) in fields)
            {
                json.WritePropertyName(name);
                value.WriteTo(json);
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The payload with one text put in, whatever the sender wrote there; null if the payload is no JSON object.</summary>
    public static ChannelPayload? With(ChannelPayload payload, string name, string value)
    {
        if (payload.IsBinary || Read(payload.ToElement()) is not { } fields)
        {
            return null;
        }

        fields[name] = JsonSerializer.SerializeToElement(value);
        return ChannelPayload.Json(Write(fields));
    }
}
