using Microsoft.Extensions.Hosting;
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
            silo.AddTransportOnly(options.SiloName, configure, world);
            silo.Configure<ClusterMembershipOptions>(o => o.NumVotesForDeathDeclaration = 1);

            // The client stops first: Orleans would wait for what it cannot deliver to it any more.
            silo.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(10));
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

    /// <summary>Returns the silo that publishes the stream of a topic.</summary>
    public InProcessSiloHandle PublisherOf(string topic)
    {
        var address = PublisherSilo.Of(topic, [.. Orleans.Silos.Select(s => s.SiloAddress)]);
        return Orleans.Silos.Single(s => s.SiloAddress.Equals(address));
    }

    /// <summary>Subscribes to the stream of a topic, through the client if no silo is given.</summary>
    public Task<StreamSubscriptionHandle<TopicChanges>> SubscribeAsync(
        string topic, Awaited<TopicChanges>? received = null, InProcessSiloHandle? from = null) =>
        (from is null ? Client : ServiceOf<IClusterClient>(from)).GetStreamProvider(PresenceStreams.Provider)
        .GetStream<TopicChanges>(PresenceStreams.Diffs(topic))
        .SubscribeAsync((changes, _) =>
        {
            received?.Add(changes);
            return Task.CompletedTask;
        });

    public async ValueTask DisposeAsync()
    {
        await Orleans.StopAllSilosAsync();
        await Orleans.DisposeAsync();
    }
}

/// <summary>An observer that records what it receives.</summary>
internal sealed class Observer : IPresenceObserver
{
    public Awaited<TopicChanges> Received { get; } = new();

    public Task Answer { get; init; } = Task.CompletedTask;

    public Task OnChanges(TopicChanges changes)
    {
        Received.Add(changes);
        return Answer;
    }
}
