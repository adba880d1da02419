using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Presence.Node;

namespace Presence.Silo;

/// <summary>Whether the process lives, and whether this member takes work.</summary>
internal static class HealthEndpoints
{
    public static void MapHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapHealthChecks("/health/live", new() { Predicate = _ => false, ResponseWriter = WriteAsync });
        endpoints.MapHealthChecks("/health/ready", new() { ResponseWriter = WriteAsync });
    }

    private static Task WriteAsync(HttpContext http, HealthReport report) =>
        http.Response.WriteAsJsonAsync(new { status = report.Entries.Values.FirstOrDefault().Description ?? "live" });
}

/// <summary>Whether this member takes work.</summary>
internal sealed class MemberHealth(IPresenceNode node, SiloRun run) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(node.State switch
        {
            _ when run.Draining => HealthCheckResult.Unhealthy("draining"),
            // Cut off from the others it still serves its own clients: that is worth more than no service at all.
            NodeState.Ready when !node.Link.IsConnected => HealthCheckResult.Degraded("degraded"),
            NodeState.Ready => HealthCheckResult.Healthy("ready"),
            var state => HealthCheckResult.Unhealthy(state.ToString().ToLowerInvariant()),
        });
}
