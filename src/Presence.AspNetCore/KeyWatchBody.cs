using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Presence.Node.KeyWatching;

namespace Presence.AspNetCore;

/// <summary>The keys of a request, and the topics in which to watch them.</summary>
internal sealed record KeyWatchBody(string Within, IReadOnlyList<string> Keys)
{
    /// <summary>Maximum size in bytes: 1,000 keys of the default maximum length, some of them escaped.</summary>
    public const int MaxSize = 1024 * 1024;

    private const string Form = "The body must be {\"within\": \"user:*\", \"keys\": [\"ann\"]}.";

    private static readonly KeyWatchBody None = new("", []);

    /// <summary>Reads a body up to <see cref="MaxSize"/>, and its keys up to the maximum number.</summary>
    /// <exception cref="ArgumentException">The body has another form, or too many keys.</exception>
    public static async Task<(KeyWatchBody Body, bool IsTooLarge)> ReadAsync(
        HttpRequest request, CancellationToken cancellation)
    {
        if (request.ContentLength > MaxSize)
        {
            return (None, true);
        }

        var body = new MemoryStream();
        var buffer = new byte[4096];
        int count;
        while ((count = await request.Body.ReadAsync(buffer, cancellation)) > 0)
        {
            body.Write(buffer, 0, count);
            if (body.Length > MaxSize)
            {
                return (None, true);
            }
        }

        try
        {
            return (Parse(body.GetBuffer().AsSpan(0, (int)body.Length)), false);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ArgumentException($"{Form} {e.Message}", e);
        }
    }

    private static KeyWatchBody Parse(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        string? within = null;
        List<string>? keys = null;
        Require(reader.Read() && reader.TokenType == JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (within is null && reader.ValueTextEquals("within"u8))
            {
                Require(reader.Read() && reader.TokenType == JsonTokenType.String);
                within = reader.GetString();
            }
            else if (keys is null && reader.ValueTextEquals("keys"u8))
            {
                keys = ParseKeys(ref reader);
            }
            else
            {
                Require(false);
            }
        }

        Require(within is not null && keys is not null);
        Require(reader.TokenType == JsonTokenType.EndObject && !reader.Read());
        return new KeyWatchBody(within!, keys!);
    }

    private static List<string> ParseKeys(ref Utf8JsonReader reader)
    {
        var keys = new List<string>();
        Require(reader.Read() && reader.TokenType == JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType == JsonTokenType.String)
        {
            // Later keys are not decoded.
            KeyWatchRequest.CheckCount(keys.Count + 1);
            keys.Add(reader.GetString()!);
        }

        Require(reader.TokenType == JsonTokenType.EndArray);
        return keys;
    }

    private static void Require(bool condition)
    {
        if (!condition)
        {
            throw new ArgumentException(Form);
        }
    }
}
