using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Presence.Node;

namespace Presence.Postgres;

/// <summary>Registers the lease store.</summary>
public static class PresencePostgresServiceCollectionExtensions
{
    /// <summary>Keeps the leases of unique processes in PostgreSQL, on silos and without.</summary>
    /// <param name="services">The services of one node.</param>
    /// <param name="connectionString">See <see cref="PresencePostgresOptions.ConnectionString"/>.</param>
    /// <param name="configure">Sets other options.</param>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    public static IServiceCollection AddPostgresLeases(
        this IServiceCollection services, string connectionString, Action<PresencePostgresOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddBoundOptions<PresencePostgresOptions>(
            "Presence:Postgres", static o => o.Validate(), options => options.ConnectionString = connectionString);
        services.Configure(configure ?? (static _ => { }));
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
