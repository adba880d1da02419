using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Presence.Node;

namespace Presence.AspNetCore;

/// <summary>The endpoints that read.</summary>
internal static class PresenceReads
{
    private const int DefaultLimit = 100;
    private const int MaxLimit = 1000;

    public static async Task<IResult> PageAsync(
        string topic,
        [FromQuery] string[] limit,
        [FromQuery] string[] after,
        PresenceRequest presence,
        CancellationToken cancellation)
    {
        topic = PresenceRequest.Unescape(topic);
        await presence.RequireAsync(PresenceOperation.Read, topic, null);
        if (after.Length > 1 || !TryReadLimit(limit, out var keys))
        {
            return PresenceProblem.BadRequest($"limit must be one whole number from 1 to {MaxLimit}, after one key.");
        }

        var from = after is [{ Length: > 0 } key] ? key : null;
        var page = await presence.Source.PageAsync(topic, from, keys, cancellation);
        var body = new PageBody(topic, PresenceBody.Of(page.Entries), page.Next);
        return TypedResults.Json(body, PresenceJson.Default.PageBody);
    }

    public static async Task<IResult> CountAsync(
        string topic, PresenceRequest presence, CancellationToken cancellation)
    {
        topic = PresenceRequest.Unescape(topic);
        await presence.RequireAsync(PresenceOperation.Read, topic, null);
        var count = await presence.Source.CountAsync(topic, cancellation);
        var body = new CountBody(topic, count.Count, count.KeyCount);
        return TypedResults.Json(body, PresenceJson.Default.CountBody);
    }

    public static async Task<IResult> KeyInTopicAsync(
        string topic, string key, PresenceRequest presence, CancellationToken cancellation)
    {
        (topic, key) = (PresenceRequest.Unescape(topic), PresenceRequest.Unescape(key));
        await presence.RequireAsync(PresenceOperation.Read, topic, key);
        var entries = await presence.Source.GetByKeyAsync(topic, key, cancellation);
        return entries.Count == 0
            ? PresenceProblem.NotFound($"'{key}' is not present in topic '{topic}'.")
            : TypedResults.Json(
                new KeyInTopicBody(topic, key, PresenceBody.Of(entries)), PresenceJson.Default.KeyInTopicBody);
    }

    public static async Task<IResult> KeyAsync(string key, PresenceRequest presence, CancellationToken cancellation)
    {
        key = PresenceRequest.Unescape(key);
        await presence.RequireAsync(PresenceOperation.Read, null, key);
        var topics = await presence.Source.TopicsOfAsync(key, cancellation);
        return TypedResults.Json(new KeyBody(key, topics.Count > 0, topics), PresenceJson.Default.KeyBody);
    }

    private static bool TryReadLimit(string[] given, out int limit)
    {
        limit = DefaultLimit;
        return given.Length == 0
            || (given is [{ } text]
                && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit)
                && limit is >= 1 and <= MaxLimit);
    }
}
