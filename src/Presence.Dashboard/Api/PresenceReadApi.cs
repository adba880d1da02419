using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Presence.Node;

namespace Presence.Dashboard;

/// <summary>Who is present, as JSON. Everything is answered from this member's snapshots.</summary>
internal static class PresenceReadApi
{
    public static IResult Topics(HttpContext http)
    {
        var (limit, after) = AdminQuery.Page(http);
        // One more than the page tells whether there is another page.
        var topics = Tracker(http).Topics(after, limit + 1);
        var page = topics.Take(limit).Select(t => new { topic = t.Topic, count = t.Count, keys = t.KeyCount });
        return Results.Json(new { topics = page, next = topics.Count > limit ? topics[limit - 1].Topic : null });
    }

    public static IResult Topic(HttpContext http)
    {
        var topic = AdminQuery.Required(http, "topic");
        var snapshot = Tracker(http).List(topic);
        return Results.Json(new { topic, count = snapshot.Count, keys = snapshot.KeyCount });
    }

    public static IResult Presences(HttpContext http)
    {
        var topic = AdminQuery.Required(http, "topic");
        var search = AdminQuery.Text(http, "search");
        var (limit, after) = AdminQuery.Page(http);
        if (AdminQuery.Text(http, "key") is not { } key)
        {
            var snapshot = Tracker(http).List(topic);
            var page = search is null ? snapshot.Page(after, limit) : PresenceSearch.Find(snapshot, search, after, limit);
            return new PresencesResult(page.Entries, page.Next);
        }

        var entries = Tracker(http).GetByKey(topic, key);
        return entries.Count == 0
            ? AdminProblem.NotFound($"Nobody is present in topic '{topic}' under key '{key}'.")
            : new PresencesResult(entries, null);
    }

    public static IResult Key(HttpContext http)
    {
        var key = AdminQuery.Required(http, "key");
        return Results.Json(new { key, topics = Tracker(http).TopicsOf(key) });
    }

    public static IResult Cluster(HttpContext http) =>
        Results.Json(ClusterView.Of(http.RequestServices.GetRequiredService<IPresenceNode>()), ClusterView.Json);

    private static IPresenceTracker Tracker(HttpContext http) =>
        http.RequestServices.GetRequiredService<IPresenceNode>().Tracker;
}
