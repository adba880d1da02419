using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Streams;
using Presence.Grains.Diffs;
using Presence.Grains.Leases;
using Presence.Grains.Topics;
using Presence.Grains.Unique;

namespace Presence.Grains.Hosting;

/// <summary>Registers what the grains need beside a node: leases, observers, diff streams.</summary>
internal static class PresenceGrainsSiloBuilderExtensions
{
    private const string PubSubStore = "PubSubStore";

    /// <summary>Adds the tables behind the grains and the stream provider that applications subscribe to.</summary>
    public static ISiloBuilder AddPresenceGrains(this ISiloBuilder silo, Action<PresenceOrleansOptions>? configure = null)
    {
        var options = new PresenceOrleansOptions();
        configure?.Invoke(options);
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.AddSingleton<LeaseTable>();
        silo.Services.AddSingleton<Knowledge>();
        silo.Services.AddSingleton<ObserverTable>();
        silo.Services.AddSingleton<DiffStreams>();
        silo.Services.AddHostedService<PresenceGrainsService>();
        silo.Services.AddPresenceClient();
        silo.AddUniqueArbitration();
        if (!options.DiffStreams)
        {
            return silo;
        }

        if (!silo.Services.Any(s => Equals(s.ServiceKey, PubSubStore)))
        {
            // Subscriptions of applications; one that keeps them durably brings its own store under this name, first.
            silo.AddMemoryGrainStorage(PubSubStore);
        }

        silo.Services.AddSingleton<DiffQueues>();
        return silo.AddPersistentStreams(
            PresenceStreams.Provider,
            static (services, name) => StreamsOf(services, name),
            streams =>
            {
                streams.ConfigurePartitionBalancing(static (services, name) => StreamsOf(services, name));
                streams.ConfigurePullingAgent(agent => agent.Configure(o =>
                {
                    o.GetQueueMsgsTimerPeriod = options.PollPeriod;
                    o.BatchContainerBatchSize = 64;

                    // A subscriber that cannot be told for so long must not keep the others waiting; it catches up.
                    o.MaxEventDeliveryTime = TimeSpan.FromSeconds(5);
                }));
            });
    }

    private static DiffQueueStreams StreamsOf(IServiceProvider services, string name) =>
        ActivatorUtilities.CreateInstance<DiffQueueStreams>(services, name);
}
