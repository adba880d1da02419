using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Presence.Node;

namespace Presence.Dashboard;

/// <summary>Who is present, as JSON. Everything is answered from this member's snapshots.</summary>
internal static class PresenceReadApi
{
    public static IResult Topics(HttpContext http)
    {
        if (!AdminQuery.TryPage(http, out var limit, out var after, out var problem))
        {
            return problem!;
        }

        // One more than the page tells whether there is another page.
        var topics = Tracker(http).Topics(after, limit + 1);
        var page = topics.Take(limit).Select(t => new { topic = t.Topic, count = t.Count, keys = t.KeyCount });
        return Results.Json(new { topics = page, next = topics.Count > limit ? topics[limit - 1].Topic : null });
    }

    public static IResult Topic(HttpContext http)
    {
        if (!AdminQuery.TryRequired(http, "topic", out var topic, out var problem))
        {
            return problem!;
        }

        var snapshot = Tracker(http).List(topic);
        return Results.Json(new { topic, count = snapshot.Count, keys = snapshot.KeyCount });
    }

    public static IResult Presences(HttpContext http)
    {
        if (!AdminQuery.TryRequired(http, "topic", out var topic, out var problem)
            || !AdminQuery.TryText(http, "key", out var key, out problem)
            || !AdminQuery.TryText(http, "search", out var search, out problem)
            || !AdminQuery.TryPage(http, out var limit, out var after, out problem))
        {
            return problem!;
        }

        if (key is null)
        {
            var snapshot = Tracker(http).List(topic);
            var page = search is null ? snapshot.Page(after, limit) : PresenceSearch.Find(snapshot, search, after, limit);
            return new PresencesResult(page.Entries, page.Next);
        }

        var entries = Tracker(http).GetByKey(topic, key);
        return entries.Count == 0
            ? AdminProblems.NotFound($"Nobody is present in topic '{topic}' under key '{key}'.")
            : new PresencesResult(entries, null);
    }

    public static IResult Key(HttpContext http) =>
        AdminQuery.TryRequired(http, "key", out var key, out var problem)
            ? Results.Json(new { key, topics = Tracker(http).TopicsOf(key) })
            : problem!;

    public static IResult Cluster(HttpContext http) =>
        Results.Json(ClusterView.Of(http.RequestServices.GetRequiredService<IPresenceNode>()), ClusterView.Json);

    private static IPresenceTracker Tracker(HttpContext http) =>
        http.RequestServices.GetRequiredService<IPresenceNode>().Tracker;
}
