using Presence.Node;

namespace Presence.Silo;

/// <summary>Whether the process lives, and whether this member takes work.</summary>
internal static class HealthEndpoints
{
    public static void MapHealth(this IEndpointRouteBuilder endpoints, SiloRun run)
    {
        endpoints.MapGet("/health/live", (HttpContext http) => Answer(http, live: true, "live"));
        endpoints.MapGet("/health/ready", (HttpContext http) =>
        {
            var node = http.RequestServices.GetRequiredService<IPresenceNode>();
            var isReady = node.State == NodeState.Ready && !run.Draining;
            // Cut off from the others it still serves its own clients: that is worth more than no service at all.
            return Answer(http, isReady, node.State switch
            {
                _ when run.Draining => "draining",
                NodeState.Ready when !node.Link.IsConnected => "degraded",
                var state => state.ToString().ToLowerInvariant(),
            });
        });
    }

    private static IResult Answer(HttpContext http, bool live, string status)
    {
        http.Response.Headers.CacheControl = "no-store";
        return Results.Json(
            new { status },
            statusCode: live ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }
}
