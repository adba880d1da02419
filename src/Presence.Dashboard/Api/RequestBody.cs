using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Presence.Dashboard;

/// <summary>Reads a JSON object that may not be larger than it should, or throws what is wrong with it.</summary>
internal static class RequestBody
{
    /// <param name="http">The request.</param>
    /// <param name="limit">Bytes at most.</param>
    /// <param name="shape">What the body must be, for who sends something else.</param>
    /// <param name="option">The option that sets the limit, if one does.</param>
    public static async Task<JsonElement> ReadAsync(HttpContext http, int limit, string shape, string option = "")
    {
        // Insisting on JSON also keeps out forms of other sites: a browser would have to ask first.
        if (!http.Request.HasJsonContentType())
        {
            throw AdminProblem.NotJson();
        }

        var body = await ReadAsync(http, limit) ?? throw AdminProblem.TooLarge($"The body is larger than {limit} bytes{option}.");
        try
        {
            var json = JsonElement.Parse(body);
            return json.ValueKind == JsonValueKind.Object ? json : throw AdminProblem.BadRequest($"The body must be an object {shape}.");
        }
        catch (JsonException e)
        {
            throw AdminProblem.BadRequest($"The body is not valid JSON: {e.Message}");
        }
    }

    /// <summary>A property that is a text; else null.</summary>
    public static string? Text(this JsonElement json, string property) =>
        json.TryGetProperty(property, out var given) && given.ValueKind == JsonValueKind.String ? given.GetString() : null;

    /// <summary>The whole body, or null if it is larger than the limit; the server would cut the connection at its own.</summary>
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
