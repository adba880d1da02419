using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Presence.Node;
using Presence.Node.Hosting;
using Presence.Postgres;
using Presence.Postgres.LastSeen;
using Presence.Postgres.Leases;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers stores in PostgreSQL.</summary>
public static class PresencePostgresServiceCollectionExtensions
{
    /// <summary>Stores the leases of unique processes in PostgreSQL, with or without silos.</summary>
    /// <param name="services">The services of one node.</param>
    /// <param name="connectionString">See <see cref="PresencePostgresOptions.ConnectionString"/>.</param>
    /// <param name="configure">Sets other options.</param>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    public static IServiceCollection AddPostgresLeases(
        this IServiceCollection services, string connectionString, Action<PresencePostgresOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        AddSource(services, connectionString);
        services.Configure(configure ?? (static _ => { }));
        services.TryAddSingleton<ILeaseStore>(provider => new PostgresLeaseStore(
            provider.GetRequiredService<PostgresSource>(),
            provider.GetService<ILogger<PostgresLeaseStore>>() ?? NullLogger<PostgresLeaseStore>.Instance,
            provider.GetService<TimeProvider>()));
        return services;
    }

    /// <summary>
    /// Stores in PostgreSQL when keys were last present, for all nodes: see <see cref="IPresenceLastSeen"/>. Adds it.
    /// </summary>
    /// <param name="services">The services of one node.</param>
    /// <param name="connectionString">See <see cref="PresencePostgresOptions.ConnectionString"/>.</param>
    /// <param name="configure">Sets other options.</param>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    public static IServiceCollection AddPostgresLastSeen(
        this IServiceCollection services, string connectionString, Action<LastSeenOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        AddSource(services, connectionString);
        services.AddSingleton<ILastSeenStore>(provider => new PostgresLastSeenStore(
            provider.GetRequiredService<PostgresSource>(),
            provider.GetRequiredService<IOptions<LastSeenOptions>>().Value.Retention,
            provider.GetRequiredService<TimeProvider>()));
        return services.AddPresenceLastSeen(configure);
    }

    private static void AddSource(IServiceCollection services, string connectionString)
    {
        services.AddBoundOptions<PresencePostgresOptions>(
            "Presence:Postgres", static o => o.Validate(), options => options.ConnectionString = connectionString);
        services.TryAddSingleton(provider => new PostgresSource(
            provider.GetRequiredService<IOptions<PresencePostgresOptions>>().Value, NodeNameOf(provider)));
    }

    private static string NodeNameOf(IServiceProvider provider) =>
        provider.GetRequiredService<IOptions<PresenceOptions>>().Value.NodeName;
}
