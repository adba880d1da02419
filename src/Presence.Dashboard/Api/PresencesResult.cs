using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Presence.Tracker;

namespace Presence.Dashboard.Api;

/// <summary>Writes a page of presences key by key: megabytes of metadata never need one buffer.</summary>
internal sealed class PresencesResult(
    IReadOnlyList<PresenceEntry> entries, string? next, Func<PresenceEntry, bool> isDetached) : IResult
{
    private const int FlushAt = 32 * 1024;
    private static readonly JsonWriterOptions Unescaped =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.ContentType = "application/json; charset=utf-8";
        await using var json = new Utf8JsonWriter(response.BodyWriter, Unescaped);
        json.WriteStartObject();
        json.WriteStartArray("presences");
        var sent = 0L;
        for (var at = 0; at < entries.Count;)
        {
            at = WriteKey(json, at);
            if (json.BytesCommitted + json.BytesPending - sent >= FlushAt)
            {
                json.Flush();
                sent = json.BytesCommitted;
                await response.BodyWriter.FlushAsync(httpContext.RequestAborted);
            }
        }

        json.WriteEndArray();
        json.WriteString("next", next);
        json.WriteEndObject();
    }

    /// <summary>Writes the run of entries that share a key; returns the index behind it.</summary>
    private int WriteKey(Utf8JsonWriter json, int from)
    {
        var key = entries[from].Key;
        json.WriteStartObject();
        json.WriteString("key", key);
        json.WriteStartArray("metas");
        var at = from;
        for (; at < entries.Count && entries[at].Key == key; at++)
        {
            WriteMeta(json, entries[at]);
        }

        json.WriteEndArray();
        json.WriteStartArray("nodes");
        for (var i = from; i < at; i++)
        {
            json.WriteStringValue(entries[i].Owner.Node);
        }

        json.WriteEndArray();
        json.WriteStartArray("detached");
        for (var i = from; i < at; i++)
        {
            json.WriteBooleanValue(isDetached(entries[i]));
        }

        json.WriteEndArray();
        json.WriteEndObject();
        return at;
    }

    private static void WriteMeta(Utf8JsonWriter json, PresenceEntry entry)
    {
        using var meta = JsonDocument.Parse(entry.Meta.Utf8);
        json.WriteStartObject();
        foreach (var property in meta.RootElement.EnumerateObject())
        {
            // The refs replace metadata fields of the same name, as on channels.
            if (!property.NameEquals("phx_ref"u8) && !property.NameEquals("phx_ref_prev"u8))
            {
                json.WritePropertyName(property.Name);
                json.WriteRawValue(JsonMarshal.GetRawUtf8Value(property.Value), skipInputValidation: true);
            }
        }

        json.WriteString("phx_ref"u8, entry.Ref);
        if (entry.PreviousRef is { } previous)
        {
            json.WriteString("phx_ref_prev"u8, previous);
        }

        json.WriteEndObject();
    }
}
