using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Runtime;
using Orleans.Streams;
using Presence.Grains;
using Presence.Grains.Client;
using Presence.Node.Feeds;
using Presence.Node.Hosting;
using Presence.Node.Leases;

namespace Orleans.Hosting;

/// <summary>Adds presence to an Orleans client.</summary>
public static class PresenceClientBuilderExtensions
{
    /// <summary>
    /// Adds <see cref="IPresenceClient"/> and the stream provider for subscriptions to the streams
    /// <c>presence.diffs</c>. The silos need <c>AddPresence</c> too.
    /// </summary>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    /// <example>
    /// <code>
    /// builder.UseOrleansClient(client =&gt; client.UseLocalhostClustering().AddPresence());
    /// </code>
    /// </example>
    public static IClientBuilder AddPresence(
        this IClientBuilder client, Action<PresenceClientOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        client.Services.AddPresenceClient(configure);
        return client.AddPersistentStreams(
            PresenceStreams.Queues,
            static (_, name) => new ReadOnlyTopicStreams(name),
            configureStream: null);
    }

    /// <summary>Adds only <see cref="IPresenceClient"/>. <c>AddPresence</c> on a client or silo includes it.</summary>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    public static IServiceCollection AddPresenceClient(
        this IServiceCollection services,
        Action<PresenceClientOptions>? configure = null)
    {
        services.AddBoundOptions("Presence:Client", static o => o.Validate(), configure);
        services.TryAddSingleton<ClientInstruments>();
        services.TryAddKeyedSingleton<IStreamProvider>(
            PresenceStreams.Provider, static (services, _) => new TopicStreamProvider(services));
        services.TryAddSingleton<PresenceClient>();
        services.TryAddSingleton<IPresenceClient>(static services => services.GetRequiredService<PresenceClient>());
        services.TryAddSingleton<IPresenceSource, ClientSource>();
        services.TryAddSingleton<IPresenceLeases, ClientLeases>();
        services.AddPresenceFeeds();
        services.AddSingleton<ILifecycleParticipant<IClusterClientLifecycle>>(
            static services => services.GetRequiredService<PresenceClient>());
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(
            static services => services.GetRequiredService<PresenceClient>());
        return services;
    }
}
