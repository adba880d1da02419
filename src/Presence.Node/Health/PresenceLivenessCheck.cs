using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Presence.Node.Health;

/// <summary>Reports that a failed node is not live: it never recovers, and its process must be started again.</summary>
internal sealed class PresenceLivenessCheck(IPresenceNode node) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(Of(node.State));

    internal static HealthCheckResult Of(NodeState state) =>
        state == NodeState.Failed ? HealthCheckResult.Unhealthy("failed") : HealthCheckResult.Healthy("live");
}
