using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Storage;
using Orleans.TestingHost;
using Presence.Grains.Hosting;
using Presence.Grains.Placement;
using Presence.Node;

namespace Presence.Grains.Tests.Topics;

/// <summary>Silos with the grains of presence over a <see cref="StubWorld"/>, and a client.</summary>
internal sealed class GrainCluster : IAsyncDisposable
{
    private GrainCluster(InProcessTestCluster cluster, StubWorld world) => (Orleans, World) = (cluster, world);

    public InProcessTestCluster Orleans { get; }

    public StubWorld World { get; }

    public IClusterClient Client => Orleans.Client;

    public static async Task<GrainCluster> StartAsync(
        short silos, Action<PresenceOrleansOptions>? configure = null, Action<ISiloBuilder>? configureSilo = null)
    {
        var world = new StubWorld();
        var storage = new SurvivingStorage();
        var builder = new InProcessTestClusterBuilder(silos);
        builder.ConfigureSilo((options, silo) =>
        {
            silo.Services.AddKeyedSingleton<IGrainStorage>("PubSubStore", storage);
            silo.AddLinkAlone(options.SiloName, configure, world);
            silo.Configure<ClusterMembershipOptions>(o => o.NumVotesForDeathDeclaration = 1);
            configureSilo?.Invoke(silo);
        });
        builder.ConfigureClient(client => client.AddPresence());
        var cluster = new GrainCluster(builder.Build(), world);
        await cluster.Orleans.DeployAsync();
        return cluster;
    }

    public T ServiceOf<T>(InProcessSiloHandle silo)
        where T : notnull => Orleans.GetSiloServiceProvider(silo.SiloAddress).GetRequiredService<T>();

    public InProcessSiloHandle SiloOf(string address) =>
        Orleans.Silos.Single(s => s.SiloAddress.ToParsableString() == address);

    public ITopicPresenceGrain Topic(string topic) => Client.GetGrain<ITopicPresenceGrain>(topic);

    public async ValueTask DisposeAsync()
    {
        await Orleans.StopAllSilosAsync();
        await Orleans.DisposeAsync();
    }
}
