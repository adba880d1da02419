using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Storage;
using Orleans.TestingHost;
using Presence.Grains.Tests.Transport;
using Presence.Grains.Tests.Topics;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Tests.Client;

/// <summary>Silos and a client with <c>AddPresence</c>: the real node, tracker, transport and grains.</summary>
internal sealed class PresenceCluster : IAsyncDisposable
{
    public const string ClusterKey = "the secret of this cluster, 32 bytes and more";

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
        Action<PresenceOptions>? configureNode = null,
        Action<IClientBuilder>? configureClientHost = null)
    {
        var storage = new SurvivingStorage();
        var names = new SiloNames();
        var builder = new InProcessTestClusterBuilder(silos);
        builder.ConfigureSilo((_, silo) =>
        {
            if (durableSubscriptions)
            {
                silo.Services.AddKeyedSingleton<IGrainStorage>("PubSubStore", storage);
            }

            silo.Services.AddSingleton(_ => names.Next());
            silo.Services.AddOptions<SiloOptions>()
                .PostConfigure<SiloNames.Taken>((o, taken) => o.SiloName = taken.Name);
            silo.AddPresence(
                o =>
                {
                    o.ClusterKey = ClusterKey;
                    configure?.Invoke(o);
                },
                configureNode);
            silo.Services.AddSingleton<StreamFaults>();
            silo.Services.AddSingleton<IIncomingGrainCallFilter>(s => s.GetRequiredService<StreamFaults>());
            silo.Configure<ClusterMembershipOptions>(o => o.NumVotesForDeathDeclaration = 1);
            configureSilo?.Invoke(silo);
        });
        builder.ConfigureClient(client =>
        {
            client.AddPresence(configureClient);
            configureClientHost?.Invoke(client);
        });
        var cluster = new PresenceCluster(builder.Build());
        await cluster.Orleans.DeployAsync();
        return cluster;
    }

    public T ServiceOf<T>(InProcessSiloHandle silo)
        where T : notnull => Orleans.GetSiloServiceProvider(silo.SiloAddress).GetRequiredService<T>();

    public IPresenceTracker TrackerOf(InProcessSiloHandle silo) => ServiceOf<IPresenceNode>(silo).Tracker;

    public InProcessSiloHandle SiloAt(string address) => Silos.Single(s => s.SiloAddress.ToParsableString() == address);

    /// <summary>
    /// Makes the first silo cut off the observers of a topic if their queue has a capacity of one change: tracks ann,
    /// bob and others faster than one after another can be sent.
    /// </summary>
    public async Task ExceedObserverQueueAsync(PresenceSession session, string topic)
    {
        var tracker = TrackerOf(Silos[0]);
        var cutOff = ServiceOf<ObserverRegistry>(Silos[0]);
        var before = cutOff.CutOff;
        await tracker.TrackAsync(session, topic, "ann");
        await tracker.TrackAsync(session, topic, "bob");
        for (var i = 0; cutOff.CutOff == before; i++)
        {
            await tracker.TrackAsync(session, topic, $"another {i}");
        }
    }

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

    /// <summary>
    /// Silo names, each reused after its silo has ended. The test cluster's own naming may give a new silo the name of
    /// a running one, and of two nodes with one name the older stops.
    /// </summary>
    private sealed class SiloNames
    {
        private readonly HashSet<int> _taken = [];

        public Taken Next()
        {
            lock (_taken)
            {
                var number = 0;
                while (!_taken.Add(number))
                {
                    number++;
                }

                return new Taken(this, number);
            }
        }

        public sealed class Taken(SiloNames names, int number) : IDisposable
        {
            public string Name => $"silo {number}";

            public void Dispose()
            {
                lock (names._taken)
                {
                    names._taken.Remove(number);
                }
            }
        }
    }
}
