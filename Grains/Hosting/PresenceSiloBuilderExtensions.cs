using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Metadata;
using Orleans.Runtime.Hosting;
using Orleans.Runtime.Placement;
using Orleans.Streams;
using Presence.Grains.Cluster;
using Presence.Grains.Diffs;
using Presence.Grains.Hosting;
using Presence.Grains.Leases;
using Presence.Grains.Link;
using Presence.Grains.Placement;
using Presence.Grains.Streams;
using Presence.Grains.Topics;
using Presence.Grains.Unique;
using Presence.Node;

namespace Presence.Grains;

/// <summary>Presence on an Orleans silo.</summary>
public static class PresenceSiloBuilderExtensions
{
    private const string PubSubStore = "PubSubStore";

    /// <summary>
    /// Makes the silo a node: adds its presence node, the transport between silos, and the grains that applications call
    /// (<see cref="ITopicPresenceGrain"/>). The node has the silo's name, which must differ from that of every other. Silos of the
    /// same cluster that do not call this are not nodes.
    /// </summary>
    /// <param name="silo">The silo.</param>
    /// <param name="configure">How silos reach each other; how long leases last.</param>
    /// <param name="configureNode">Trackers, limits and the rest that does not depend on Orleans.</param>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    public static ISiloBuilder AddPresence(
        this ISiloBuilder silo,
        Action<PresenceOrleansOptions>? configure = null,
        Action<PresenceOptions>? configureNode = null)
    {
        ArgumentNullException.ThrowIfNull(silo);
        silo.AddPresenceLink(configure);

        // In this order the node starts after the silo and before the grains' own service, and stops between them.
        silo.Services.AddPresence(configureNode);
        return silo.AddPresenceGrains();
    }

    internal static IServiceCollection AddPresenceOrleansOptions(
        this IServiceCollection services, Action<PresenceOrleansOptions>? configure = null) =>
        services.AddBoundOptions("Presence:Orleans", static o => o.Validate(), configure);

    /// <summary>Adds what carries frames between silos.</summary>
    internal static ISiloBuilder AddPresenceLink(this ISiloBuilder silo, Action<PresenceOrleansOptions>? configure = null)
    {
        silo.Services.AddPresenceOrleansOptions(configure);
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.AddSingleton<IGrainPropertiesProvider, NodeProperties>();
        silo.Services.AddSingleton<PresenceSilos>();
        silo.Services.AddSingleton<OrleansLink>();
        silo.Services.AddSingleton<IClusterLink>(services => services.GetRequiredService<OrleansLink>());
        silo.Services.AddPlacementDirector<PinnedPlacement, PinnedPlacementDirector>();
        silo.AddGrainDirectory(PinnedGrainDirectory.Name, static (_, _) => new PinnedGrainDirectory());
        silo.Services.AddSingleton<DeltaQueue>();
        return silo.AddLocalStreams<DeltaStreams>(OrleansLink.StreamProvider, streams =>
        {
            // Shard grains are subscribed by their type alone; nothing about subscriptions can be lost with a silo.
            streams.ConfigureStreamPubSub(StreamPubSubType.ImplicitOnly);
        });
    }

    /// <summary>Adds the tables behind the grains, and the streams that applications subscribe to.</summary>
    internal static ISiloBuilder AddPresenceGrains(this ISiloBuilder silo)
    {
        silo.Services.AddSingleton<ReplicaClocks>();
        silo.Services.AddSingleton<LeaseTable>();
        silo.Services.AddSingleton<TopicFeeds>();
        silo.Services.AddSingleton<ObserverTable>();
        silo.Services.AddSingleton<ImplicitSubscribers>();
        silo.Services.AddSingleton<FollowedTopics>();
        silo.Services.AddSingleton<DiffStreams>();
        silo.Services.AddHostedService<PresenceGrainsService>();
        silo.Services.AddPresenceClient();
        silo.AddUniqueArbitration();
        if (!silo.Services.Any(s => Equals(s.ServiceKey, PubSubStore)))
        {
            // Subscriptions of applications; one that keeps them durably brings its own store under this name, first.
            silo.AddMemoryGrainStorage(PubSubStore);
        }

        silo.Services.AddSingleton<IPlacementStrategyResolver, SubscriptionPlacementResolver>();
        silo.Services.AddPlacementDirector<SubscriptionPlacement, SubscriptionPlacementDirector>();
        silo.Services.AddSingleton<DiffQueues>();
        return silo.AddLocalStreams<DiffQueueStreams>(PresenceStreams.Queues, static _ => { });
    }

    private static ISiloBuilder AddLocalStreams<TProvider>(
        this ISiloBuilder silo, string name, Action<ISiloPersistentStreamConfigurator> configure)
        where TProvider : LocalStreamProvider
    {
        return silo.AddPersistentStreams(name, Create, streams =>
        {
            configure(streams);
            streams.ConfigurePartitionBalancing(Create);
            streams.ConfigurePullingAgent(agent => agent.Configure(o =>
            {
                o.GetQueueMsgsTimerPeriod = LocalStreamProvider.AgentPeriod;
                o.BatchContainerBatchSize = 64;

                // A consumer that cannot be reached for so long must not hold up the others. Frames are repaired by other means;
                // subscribers catch up.
                o.MaxEventDeliveryTime = TimeSpan.FromSeconds(5);
            }));
        });

        static TProvider Create(IServiceProvider services, string name) => ActivatorUtilities.CreateInstance<TProvider>(services, name);
    }
}
