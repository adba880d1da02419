using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Storage;
using Orleans.TestingHost;
using Presence.Grains.Tests.Link;
using Presence.Grains.Tests.Topics;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Tests.Client;

/// <summary>Silos and a client that were given one line each: the real node, tracker, link and grains.</summary>
internal sealed class PresenceCluster : IAsyncDisposable
{
    private PresenceCluster(InProcessTestCluster cluster) => Orleans = cluster;

    public InProcessTestCluster Orleans { get; }

    public IPresenceClient Client => Orleans.Client.ServiceProvider.GetRequiredService<IPresenceClient>();

    public List<InProcessSiloHandle> Silos => Orleans.Silos.ToList();

    public static async Task<PresenceCluster> StartAsync(
        short silos,
        Action<PresenceOrleansOptions>? configure = null,
        Action<PresenceClientOptions>? configureClient = null,
        Action<ISiloBuilder>? configureSilo = null,
        bool durableSubscriptions = false,
        Action<PresenceOptions>? configureNode = null)
    {
        var storage = new SurvivingStorage();
        var builder = new InProcessTestClusterBuilder(silos);
        builder.ConfigureSilo((_, silo) =>
        {
            if (durableSubscriptions)
            {
                silo.Services.AddKeyedSingleton<IGrainStorage>("PubSubStore", storage);
            }

            silo.AddPresence(configure, configureNode);
            silo.Services.AddSingleton<StreamFaults>();
            silo.Services.AddSingleton<IIncomingGrainCallFilter>(s => s.GetRequiredService<StreamFaults>());
            silo.Configure<ClusterMembershipOptions>(o => o.NumVotesForDeathDeclaration = 1);
            configureSilo?.Invoke(silo);
        });
        builder.ConfigureClient(client => client.AddPresence(configureClient));
        var cluster = new PresenceCluster(builder.Build());
        await cluster.Orleans.DeployAsync();
        return cluster;
    }

    public T ServiceOf<T>(InProcessSiloHandle silo)
        where T : notnull => Orleans.GetSiloServiceProvider(silo.SiloAddress).GetRequiredService<T>();

    public IPresenceTracker TrackerOf(InProcessSiloHandle silo) => ServiceOf<IPresenceNode>(silo).Tracker;

    public InProcessSiloHandle SiloAt(string address) => Silos.Single(s => s.SiloAddress.ToParsableString() == address);

    /// <summary>Waits until a silo lists exactly these keys in a topic.</summary>
    public async Task ListsAsync(InProcessSiloHandle silo, string topic, params string[] keys)
    {
        var tracker = TrackerOf(silo);
        var changed = new Awaited<IReadOnlyList<string>>();
        List<string> List() => [.. tracker.List(topic).Select(e => e.Key)];
        using var subscription = tracker.Subscribe(topic, _ => changed.Add(List()));
        changed.Add(List());
        await changed.FirstAsync(l => l.SequenceEqual(keys) || List().SequenceEqual(keys));
    }

    public async ValueTask DisposeAsync()
    {
        await Orleans.StopAllSilosAsync();
        await Orleans.DisposeAsync();
    }
}
