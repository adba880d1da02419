using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Presence.Silo.Nodes;

namespace Presence.Silo.Endpoints;

/// <summary>Maps the liveness and readiness checks; the address without a name is readiness.</summary>
internal static class HealthEndpoints
{
    public static void AddHealth(this IServiceCollection services, SiloRun run) => services.AddHealthChecks()
        .AddPresence(tags: "ready")
        .AddCheck("drain", () => DrainOf(run), ["ready"])
        .AddPresenceLiveness(tags: "live");

    public static void MapHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapHealthChecks("/health", Tagged("ready"));
        endpoints.MapHealthChecks("/health/live", Tagged("live"));
        endpoints.MapHealthChecks("/health/ready", Tagged("ready"));

        static HealthCheckOptions Tagged(string tag) =>
            new() { Predicate = check => check.Tags.Contains(tag), ResponseWriter = WriteAsync };
    }

    /// <summary>Returns that this process stops, before its nodes begin to.</summary>
    internal static HealthCheckResult DrainOf(SiloRun run) =>
        run.Draining ? HealthCheckResult.Unhealthy("draining") : HealthCheckResult.Healthy("not draining");

    /// <summary>Writes the description of the worst result.</summary>
    private static Task WriteAsync(HttpContext http, HealthReport report) => http.Response.WriteAsJsonAsync(
        new { status = report.Entries.Values.MinBy(entry => entry.Status).Description });
}
