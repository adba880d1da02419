using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Presence.Node;

namespace Presence.Silo;

/// <summary>Maps the liveness and readiness checks; the address without a name is readiness.</summary>
internal static class HealthEndpoints
{
    private const string Node = "presence";

    public static void AddHealth(this IServiceCollection services) => services.AddHealthChecks()
        .AddPresence(Node, tags: "ready")
        .AddCheck<DrainCheck>("drain", tags: ["ready"])
        .AddCheck<NodeLiveness>("live", tags: ["live"]);

    public static void MapHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapHealthChecks("/health", Tagged("ready"));
        endpoints.MapHealthChecks("/health/live", Tagged("live"));
        endpoints.MapHealthChecks("/health/ready", Tagged("ready"));

        static HealthCheckOptions Tagged(string tag) =>
            new() { Predicate = check => check.Tags.Contains(tag), ResponseWriter = WriteAsync };
    }

    /// <summary>Writes the description of the worst result.</summary>
    private static Task WriteAsync(HttpContext http, HealthReport report) => http.Response.WriteAsJsonAsync(
        new { status = report.Entries.Values.MinBy(entry => entry.Status).Description });
}

/// <summary>Reports that a failed node is not live: it never recovers, and its process must be started again.</summary>
internal sealed class NodeLiveness(IPresenceNode node) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(Of(node.State));

    internal static HealthCheckResult Of(NodeState state) =>
        state == NodeState.Failed ? HealthCheckResult.Unhealthy("failed") : HealthCheckResult.Healthy("live");
}

/// <summary>Reports that this process stops, before its nodes begin to.</summary>
internal sealed class DrainCheck(SiloRun run) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
            run.Draining ? HealthCheckResult.Unhealthy("draining") : HealthCheckResult.Healthy("not draining"));
}
