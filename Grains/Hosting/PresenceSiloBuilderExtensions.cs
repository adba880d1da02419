using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Metadata;
using Orleans.Runtime.Hosting;
using Orleans.Runtime.Placement;
using Orleans.Streams;
using Presence.Grains;
using Presence.Grains.Cluster;
using Presence.Grains.Diffs;
using Presence.Grains.Hosting;
using Presence.Grains.Keys;
using Presence.Grains.Leases;
using Presence.Grains.Placement;
using Presence.Grains.Security;
using Presence.Grains.Streams;
using Presence.Grains.Topics;
using Presence.Grains.Transport;
using Presence.Grains.Unique;
using Presence.Node;
using Presence.Node.Hosting;
using Presence.Node.Leases;

namespace Orleans.Hosting;

/// <summary>Adds presence to an Orleans silo.</summary>
public static class PresenceSiloBuilderExtensions
{
    private const string PubSubStore = "PubSubStore";

    /// <summary>
    /// Makes the silo a node: adds its presence node, the cluster transport, and the grains that applications call
    /// (<see cref="ITopicPresenceGrain"/>). The node's name is the silo's, which must be unique. Silos of the same
    /// cluster that do not call this are not nodes.
    /// </summary>
    /// <param name="silo">The silo.</param>
    /// <param name="configure">
    /// Configures transport, leases, observers and streams. Also called once at registration, on options that are not
    /// used, to find out whether it sets <see cref="PresenceOrleansOptions.ClusterKey"/>.
    /// </param>
    /// <param name="configureNode">Configures trackers and limits, which do not depend on Orleans.</param>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    /// <example>
    /// <code>
    /// builder.UseOrleans(silo =&gt; silo.UseLocalhostClustering().AddPresence());
    /// </code>
    /// </example>
    public static ISiloBuilder AddPresence(
        this ISiloBuilder silo,
        Action<PresenceOrleansOptions>? configure = null,
        Action<PresenceOptions>? configureNode = null)
    {
        ArgumentNullException.ThrowIfNull(silo);
        silo.AddPresenceTransport(configure);

        // This order starts the node after the silo and before the grains' service, and stops it between them.
        silo.Services.AddPresence(configureNode);
        return silo.AddPresenceGrains();
    }

    internal static IServiceCollection AddPresenceOrleansOptions(
        this IServiceCollection services, Action<PresenceOrleansOptions>? configure = null) =>
        services.AddBoundOptions("Presence:Orleans", static o => o.Validate(), configure);

    /// <summary>Adds the cluster transport.</summary>
    internal static ISiloBuilder AddPresenceTransport(
        this ISiloBuilder silo, Action<PresenceOrleansOptions>? configure = null)
    {
        silo.AddClusterCallFilter(configure);
        silo.Services.AddPresenceOrleansOptions(configure);
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.AddSingleton<IGrainPropertiesProvider, NodeProperties>();
        silo.Services.AddSingleton<CallInstruments>();
        silo.Services.AddHostedService<ClusterKeyCheck>();
        silo.Services.AddSingleton<PresenceSilos>();
        silo.Services.AddSingleton<OrleansTransport>();
        silo.Services.AddSingleton<IClusterTransport>(services => services.GetRequiredService<OrleansTransport>());
        silo.Services.AddPlacementDirector<PinnedPlacement, PinnedPlacementDirector>();
        silo.AddGrainDirectory(PinnedGrainDirectory.Name, static (_, _) => new PinnedGrainDirectory());
        silo.Services.AddSingleton<DeltaStreamQueue>();
        return silo.AddLocalStreams<DeltaStreams>(OrleansTransport.StreamProvider, streams =>
        {
            // Shard grains are subscribed by their type alone, so that no subscription is lost with a silo.
            streams.ConfigureStreamPubSub(StreamPubSubType.ImplicitOnly);
        });
    }

    /// <summary>Adds the grains' services, and the streams that applications subscribe to.</summary>
    internal static ISiloBuilder AddPresenceGrains(this ISiloBuilder silo)
    {
        silo.Services.AddSingleton<CallAudit>();
        silo.Services.AddSingleton<IIncomingGrainCallFilter, AuthorizationFilter>();
        silo.Services.AddSingleton<ReplicaClocks>();
        silo.Services.AddSingleton<PagedLists>();
        silo.Services.AddSingleton<EndedIds>();
        silo.Services.AddSingleton<LeaseRegistry>();
        silo.Services.AddSingleton<LeasedPresences>();
        silo.Services.AddSingleton<TopicChangePumps>();
        silo.Services.AddSingleton<ObserverRegistry>();
        silo.Services.AddSingleton<ImplicitSubscribers>();
        silo.Services.AddSingleton<FollowedTopics>();
        silo.Services.AddSingleton<TopicStreamPublisher>();
        silo.Services.AddHostedService<PresenceGrainsService>();
        silo.Services.AddPresenceClient();
        silo.Services.Replace(ServiceDescriptor.Singleton<IPresenceLeases, SiloLeases>());
        silo.AddUniqueElections();
        if (!silo.Services.Any(s => Equals(s.ServiceKey, PubSubStore)))
        {
            // Subscriptions of applications. Register a durable store under this name first to keep them.
            silo.AddMemoryGrainStorage(PubSubStore);
            silo.Services.AddSingleton<MemorySubscriptions>();
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

                // An unreachable consumer must not delay the others for longer. Anti-entropy repairs frames;
                // subscribers catch up.
                o.MaxEventDeliveryTime = TimeSpan.FromSeconds(5);
            }));
        });

        static TProvider Create(IServiceProvider services, string name) =>
            ActivatorUtilities.CreateInstance<TProvider>(services, name);
    }
}
