using Akka.Actor;
using Akka.Cluster;
using Akka.Configuration;
using Akka.DistributedData;

namespace Presence.Benchmarks.Peers;

/// <summary>
/// Nodes of one Akka.NET cluster in this process, connected over TCP on the loopback address. A topic is a dictionary
/// of <c>DistributedData</c>.
/// </summary>
internal sealed class AkkaNodes : IAsyncDisposable
{
    private const string Name = "bench";
    private readonly List<ActorSystem> _systems = [];
    private readonly string _settings;

    private AkkaNodes(string settings) => _settings = settings;

    /// <param name="count">The number of nodes.</param>
    /// <param name="settings">Options in HOCON, in place of the defaults.</param>
    public static async Task<AkkaNodes> StartAsync(int count, string settings)
    {
        var nodes = new AkkaNodes(settings);
        for (var i = 0; i < count; i++)
        {
            await nodes.AddAsync();
        }

        return nodes;
    }

    /// <summary>Starts a node; completes when it is a member of the cluster.</summary>
    public async Task AddAsync()
    {
        var config = ConfigurationFactory.ParseString(_settings).WithFallback(
            """
            akka {
              loglevel = OFF
              stdout-loglevel = OFF
              actor.provider = cluster
              remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0 }
            }
            """);
        var system = ActorSystem.Create(Name, config);
        _systems.Add(system);
        // The replicator registers the serializer of its types before anything arrives.
        _ = DistributedData.Get(system);
        await Cluster.Get(system).JoinAsync(Cluster.Get(_systems[0]).SelfAddress);
    }

    /// <summary>Adds presences to a topic, without waiting for other nodes.</summary>
    public async Task TrackAsync(int node, string topic, IEnumerable<int> people)
    {
        var self = Cluster.Get(_systems[node]);
        var answer = await DistributedData.Get(_systems[node]).Replicator.Ask<IUpdateResponse>(Dsl.Update(
            KeyOf(topic),
            LWWDictionary<string, string>.Empty,
            WriteLocal.Instance,
            before => people.Aggregate(before, (topic, person) => topic.SetItem(
                self, People.Key(person), People.Meta(person).ToString()))));
        answer.ThrowOnFailure();
    }

    /// <summary>Calls back with a topic whenever it has changed on a node, one change at a time.</summary>
    public void Subscribe(int node, IEnumerable<string> topics, Action<string, LWWDictionary<string, string>> changed)
    {
        var subscriber = _systems[node].ActorOf(Props.Create(() => new Subscriber(changed)));
        foreach (var topic in topics)
        {
            DistributedData.Get(_systems[node]).Replicator.Tell(Dsl.Subscribe(KeyOf(topic), subscriber));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var system in _systems)
        {
            await system.Terminate();
        }
    }

    private static LWWDictionaryKey<string, string> KeyOf(string topic) => new(topic);

    private sealed class Subscriber : ReceiveActor
    {
        public Subscriber(Action<string, LWWDictionary<string, string>> changed) => Receive<Changed>(
            change => changed(change.Key.Id, change.Get(KeyOf(change.Key.Id))));
    }
}
