using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Presence.Tracker.Entries;

namespace Presence.Dashboard.Api;

/// <summary>Reads a JSON object of limited size.</summary>
internal static class RequestBody
{
    public static async Task<JsonElement> ReadAsync(HttpContext http, int limit, string shape, string option = "")
    {
        // Requiring JSON also blocks forms of other sites: a browser would need a preflight.
        if (!http.Request.HasJsonContentType())
        {
            throw AdminProblem.NotJson();
        }

        var body = await ReadAsync(http, limit)
            ?? throw AdminProblem.TooLarge($"The body is larger than {limit} bytes{option}.");
        try
        {
            var json = JsonElement.Parse(body);
            if (!JsonText.IsUnicode(body))
            {
                throw AdminProblem.BadRequest("The body contains an unpaired surrogate.");
            }

            return json.ValueKind == JsonValueKind.Object
                ? json
                : throw AdminProblem.BadRequest($"The body must be an object {shape}.");
        }
        catch (JsonException e)
        {
            throw AdminProblem.BadRequest($"The body is not valid JSON: {e.Message}");
        }
    }

    /// <summary>Returns a property that is a string; else null.</summary>
    public static string? Text(this JsonElement json, string property) =>
        json.TryGetProperty(property, out var given) && given.ValueKind == JsonValueKind.String
            ? given.GetString()
            : null;

    /// <summary>Returns the body, or null if it exceeds the limit.</summary>
    private static async Task<byte[]?> ReadAsync(HttpContext http, int limit)
    {
        if (http.Request.ContentLength > limit)
        {
            return null;
        }

        var reader = http.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(http.RequestAborted);
            if (read.Buffer.Length > limit)
            {
                reader.AdvanceTo(read.Buffer.End);
                return null;
            }

            if (read.IsCompleted)
            {
                var body = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return body;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }
}
