using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Presence.Node;

namespace Presence.Postgres;

/// <summary>Joins members, and keeps leases, through PostgreSQL.</summary>
public static class PresencePostgresServiceCollectionExtensions
{
    /// <summary>
    /// Joins this member to those of the same schema of the same database; goes with <c>AddPresence</c>, before or after
    /// it. Unique processes keep their leases there too.
    /// </summary>
    /// <param name="services">The services of one member.</param>
    /// <param name="connectionString">See <see cref="PresencePostgresOptions.ConnectionString"/>.</param>
    /// <param name="configure">Sets other options.</param>
    /// <exception cref="PresencePostgresException">
    /// When the member starts: an option breaks a rule, or the database cannot be used; the message says why.
    /// </exception>
    public static IServiceCollection UsePostgres(
        this IServiceCollection services, string connectionString, Action<PresencePostgresOptions>? configure = null)
    {
        services.AddPostgresLeases(connectionString, configure);
        services.AddSingleton<IClusterLink>(provider => new PostgresLink(
            NodeNameOf(provider),
            provider.GetRequiredService<PostgresSource>(),
            provider.GetService<ILogger<PostgresLink>>() ?? NullLogger<PostgresLink>.Instance,
            provider.GetService<TimeProvider>()));
        return services;
    }

    /// <summary>Keeps the leases of unique processes in PostgreSQL, whatever engine joins the members.</summary>
    /// <param name="services">The services of one member.</param>
    /// <param name="connectionString">See <see cref="PresencePostgresOptions.ConnectionString"/>.</param>
    /// <param name="configure">Sets other options.</param>
    public static IServiceCollection AddPostgresLeases(
        this IServiceCollection services, string connectionString, Action<PresencePostgresOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<PresencePostgresOptions>().Configure(options =>
        {
            options.ConnectionString = connectionString;
            configure?.Invoke(options);
        });
        services.TryAddSingleton(provider => new PostgresSource(
            provider.GetRequiredService<IOptions<PresencePostgresOptions>>().Value, NodeNameOf(provider)));
        services.TryAddSingleton<ILeaseStore>(provider => new PostgresLeaseStore(
            provider.GetRequiredService<PostgresSource>(),
            provider.GetService<ILogger<PostgresLeaseStore>>() ?? NullLogger<PostgresLeaseStore>.Instance,
            provider.GetService<TimeProvider>()));
        return services;
    }

    private static string NodeNameOf(IServiceProvider provider) =>
        provider.GetRequiredService<IOptions<PresenceOptions>>().Value.NodeName;
}
