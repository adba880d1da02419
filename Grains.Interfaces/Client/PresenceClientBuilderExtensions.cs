using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Streams;
using Presence.Grains.Client;
using Presence.Node;

namespace Presence.Grains;

/// <summary>Presence in an Orleans client.</summary>
public static class PresenceClientBuilderExtensions
{
    /// <summary>
    /// Adds <see cref="IPresenceClient"/> and the stream provider by which the streams <c>presence.diffs</c> are subscribed to.
    /// The silos need <c>AddPresence</c> too.
    /// </summary>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    public static IClientBuilder AddPresence(this IClientBuilder client, Action<PresenceClientOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        client.Services.AddPresenceClient(configure);
        return client.AddPersistentStreams(
            PresenceStreams.Queues,
            static (_, name) => new DiffStreamsForReading(name),
            configureStream: null);
    }

    /// <summary>Adds <see cref="IPresenceClient"/> alone; <c>AddPresence</c> on a client or a silo does it.</summary>
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
        services.AddSingleton<ILifecycleParticipant<IClusterClientLifecycle>>(
            static services => services.GetRequiredService<PresenceClient>());
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(
            static services => services.GetRequiredService<PresenceClient>());
        return services;
    }
}
