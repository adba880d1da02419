using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Presence.Dashboard.Cluster;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Dashboard.Api;

/// <summary>Returns presences as JSON, from the snapshots of this node.</summary>
internal static class PresenceReadApi
{
    public static IResult Topics(HttpContext http)
    {
        var (limit, after) = AdminQuery.Page(http);
        if (AdminQuery.Text(http, "order") == "size")
        {
            var (largest, examined) = LargestTopics.Of(Tracker(http), limit);
            var all = largest.Select(t => new { topic = t.Topic, count = t.Count, keys = t.KeyCount });
            return Results.Json(new { topics = all, examined, complete = examined < LargestTopics.MaxExamined });
        }

        // One more than the page shows whether there is another page.
        var topics = Tracker(http).Topics(after, limit + 1);
        var page = topics.Take(limit).Select(t => new { topic = t.Topic, count = t.Count, keys = t.KeyCount });
        return Results.Json(new { topics = page, next = topics.Count > limit ? topics[limit - 1].Topic : null });
    }

    public static IResult Topic(HttpContext http)
    {
        var topic = AdminQuery.Required(http, "topic");
        var counts = Tracker(http).CountOf(topic);
        return Results.Json(new { topic, count = counts.Count, keys = counts.KeyCount });
    }

    public static async Task<IResult> Presences(HttpContext http)
    {
        var topic = AdminQuery.Required(http, "topic");
        var search = AdminQuery.Text(http, "search");
        var (limit, after) = AdminQuery.Page(http);
        if (AdminQuery.Text(http, "key") is not { } key)
        {
            var page = search is null
                ? await PageAsync(http, topic, after, limit)
                : PresenceSearch.Find(Tracker(http).List(topic), search, after, limit);
            return new PresencesResult(page.Entries, page.Next, Detached(http));
        }

        var entries = Tracker(http).GetByKey(topic, key);
        return entries.Count == 0
            ? AdminProblem.NotFound($"Nobody is present in topic '{topic}' under key '{key}'.")
            : new PresencesResult(entries, null, Detached(http));
    }

    /// <summary>Counts the presences of a topic by a metadata field; returns the largest counts.</summary>
    public static IResult Counts(HttpContext http)
    {
        var topic = AdminQuery.Required(http, "topic");
        var field = AdminQuery.Required(http, "field");
        var (limit, _) = AdminQuery.Page(http);
        var counts = FieldCounts.Of(Tracker(http).List(topic), field);
        var page = counts.Values.Take(limit).Select(c => new { value = c.Text, count = c.Count });
        var other = counts.Other + counts.Values.Skip(limit).Sum(c => c.Count);
        return Results.Json(new { topic, field, counts = page, other });
    }

    /// <summary>Counts the different keys of all topics.</summary>
    public static IResult Keys(HttpContext http)
    {
        var (keys, examined, complete) = DifferentKeys.Of(Tracker(http));
        return Results.Json(new { keys, examined, complete });
    }

    public static IResult Key(HttpContext http)
    {
        var key = AdminQuery.Required(http, "key");
        return Results.Json(new { key, topics = Tracker(http).TopicsOf(key) });
    }

    public static IResult Cluster(HttpContext http) =>
        Results.Json(
            http.RequestServices.GetRequiredService<ClusterMonitor>().LocalView(), ClusterView.Json);

    /// <summary>Returns the numbers of this node in the last <c>10m</c>, <c>1h</c> or <c>24h</c>.</summary>
    public static IResult History(HttpContext http)
    {
        var range = AdminQuery.Text(http, "range") ?? "10m";
        var (step, points) = http.RequestServices.GetRequiredService<NodeNumbers>().History.Read(range)
            ?? throw AdminProblem.BadRequest("'range' must be 10m, 1h or 24h.");
        var page = points.Select(point => new HistoryPoint(point.At, point.Average));
        return Results.Json(new { range, step = (int)step.TotalSeconds, points = page }, ClusterView.Json);
    }

    private static async Task<PresencePage> PageAsync(HttpContext http, string topic, string? after, int limit)
    {
        try
        {
            return await Tracker(http).PageAsync(topic, after, limit, http.RequestAborted);
        }
        catch (TimeoutException e)
        {
            throw AdminProblem.Timeout(e.Message);
        }
    }

    private static Func<PresenceEntry, bool> Detached(HttpContext http) =>
        http.RequestServices.GetRequiredService<SessionMonitor>().Detached(ClusterMonitor.ReportValidity);

    private static IPresenceTracker Tracker(HttpContext http) =>
        http.RequestServices.GetRequiredService<IPresenceNode>().Tracker;
}
