using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime.Hosting;
using Orleans.Streams;
using Presence.Grains.Link;
using Presence.Grains.Placement;
using Presence.Node;

namespace Presence.Grains.Hosting;

/// <summary>Registers what carries frames between silos.</summary>
internal static class PresenceLinkSiloBuilderExtensions
{
    /// <summary>Adds the link, the pinned placement of its grains and its stream provider.</summary>
    public static ISiloBuilder AddPresenceLink(this ISiloBuilder silo, Action<PresenceOrleansOptions>? configure = null)
    {
        var options = new PresenceOrleansOptions();
        configure?.Invoke(options);
        options.Validate();

        silo.Services.AddOptions<PresenceOrleansOptions>().Configure(o => configure?.Invoke(o));
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.AddSingleton<OrleansLink>();
        silo.Services.AddSingleton<IClusterLink>(services => services.GetRequiredService<OrleansLink>());
        silo.Services.AddPlacementDirector<PinnedPlacement, PinnedPlacementDirector>();
        silo.AddGrainDirectory(PinnedGrainDirectory.Name, static (_, _) => new PinnedGrainDirectory());
        silo.Services.AddSingleton<DeltaQueue>();
        return options.Transport == DeltaTransport.Calls
            ? silo
            : silo.AddPersistentStreams(
                options.StreamProvider,
                static (services, name) => StreamsOf(services, name),
                streams => ConfigureStreams(streams, options));
    }

    private static DeltaStreams StreamsOf(IServiceProvider services, string name) =>
        ActivatorUtilities.CreateInstance<DeltaStreams>(services, name);

    private static void ConfigureStreams(ISiloPersistentStreamConfigurator streams, PresenceOrleansOptions options)
    {
        // Shard grains are subscribed by their type alone; nothing about subscriptions can be lost with a silo.
        streams.ConfigureStreamPubSub(StreamPubSubType.ImplicitOnly);
        streams.ConfigurePartitionBalancing(static (services, name) => StreamsOf(services, name));
        streams.ConfigurePullingAgent(agent => agent.Configure(o =>
        {
            o.GetQueueMsgsTimerPeriod = options.PollPeriod;
            o.BatchContainerBatchSize = 64;

            // A frame that could not be delivered for so long has been repaired by other means.
            o.MaxEventDeliveryTime = TimeSpan.FromSeconds(5);
        }));
    }
}
