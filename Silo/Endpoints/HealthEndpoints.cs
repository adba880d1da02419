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
            var state = http.RequestServices.GetRequiredService<IPresenceNode>().State;
            return Answer(
                http,
                state == NodeState.Ready && !run.Draining,
                run.Draining ? "draining" : state.ToString().ToLowerInvariant());
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
