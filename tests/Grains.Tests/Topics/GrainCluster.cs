using Presence.Grains.Hosting;

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

    /// <summary>The silo that writes the stream of a topic.</summary>
    public InProcessSiloHandle PublisherOf(string topic)
    {
        var address = TopicHome.Of(topic, [.. Orleans.Silos.Select(s => s.SiloAddress)]);
        return Orleans.Silos.Single(s => s.SiloAddress.Equals(address));
    }

    /// <summary>Subscribes to the stream of a topic, from outside if no silo is named.</summary>
    public Task<StreamSubscriptionHandle<TopicChanges>> SubscribeAsync(
        string topic, Awaited<TopicChanges>? heard = null, InProcessSiloHandle? from = null) =>
        (from is null ? Client : ServiceOf<IClusterClient>(from)).GetStreamProvider(PresenceStreams.Provider)
        .GetStream<TopicChanges>(PresenceStreams.Diffs(topic))
        .SubscribeAsync((changes, _) =>
        {
            heard?.Add(changes);
            return Task.CompletedTask;
        });

    public async ValueTask DisposeAsync()
    {
        await Orleans.StopAllSilosAsync();
        await Orleans.DisposeAsync();
    }
}

/// <summary>An observer that keeps what it hears.</summary>
internal sealed class Observer : IPresenceObserver
{
    public Awaited<TopicChanges> Heard { get; } = new();

    public Task Answer { get; init; } = Task.CompletedTask;

    public Task Changed(TopicChanges changes)
    {
        Heard.Add(changes);
        return Answer;
    }
}
