using Microsoft.Extensions.Diagnostics.HealthChecks;
using Presence.Node.Health;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the health checks of a node.</summary>
public static class PresenceHealthChecksBuilderExtensions
{
    /// <summary>
    /// Adds a check of the node that <c>AddPresence</c> of the services or of the silo registers: healthy when it is
    /// ready; degraded while its transport or the lease store is disconnected, or a replica recovers; unhealthy before
    /// it is ready, while it drains, and after it failed.
    /// </summary>
    /// <remarks>
    /// <para>A degraded node serves reads and local writes, so keep it in rotation. Do not use the check for liveness,
    /// but <see cref="AddPresenceLiveness"/>: a restart does not repair a network.</para>
    /// <para>The data has <c>node</c>, <c>incarnation</c>, <c>transport</c>, <c>replicas_up</c> and
    /// <c>replicas_recovering</c>; replicas are counted per node, tracker and shard.</para>
    /// </remarks>
    /// <param name="builder">The builder that <c>AddHealthChecks</c> returns.</param>
    /// <param name="name">Name of the check.</param>
    /// <param name="failureStatus">Reported instead of <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">Tags to select checks by.</param>
    /// <exception cref="InvalidOperationException">At the first check: no node was added.</exception>
    public static IHealthChecksBuilder AddPresence(
        this IHealthChecksBuilder builder,
        string name = "presence",
        HealthStatus? failureStatus = null,
        params IEnumerable<string> tags)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new HealthCheckRegistration(
            name,
            static services => ActivatorUtilities.CreateInstance<PresenceHealthCheck>(services),
            failureStatus,
            tags));
    }

    /// <summary>
    /// Adds a check of the node that is unhealthy once it has failed: another node has its name, it never recovers, and
    /// its process must be started again.
    /// </summary>
    /// <param name="builder">The builder that <c>AddHealthChecks</c> returns.</param>
    /// <param name="tags">Tags to select checks by.</param>
    /// <exception cref="InvalidOperationException">At the first check: no node was added.</exception>
    public static IHealthChecksBuilder AddPresenceLiveness(
        this IHealthChecksBuilder builder, params IEnumerable<string> tags)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new HealthCheckRegistration(
            "presence live",
            static services => ActivatorUtilities.CreateInstance<PresenceLivenessCheck>(services),
            HealthStatus.Unhealthy,
            tags));
    }
}
