using System.Reflection;
using Presence.Grains.Security;
using Presence.Grains.Tests.Client;

namespace Presence.Grains.Tests.Security;

/// <summary>
/// Attempts of a hostile Orleans client by Orleans' internal interfaces: to deliver to streams, to publish to topics'
/// streams, and to read them.
/// </summary>
public sealed class StreamAttemptTests : IAsyncLifetime
{
    private const string Provider = PresenceStreams.Queues;

    private static readonly Assembly Streaming = typeof(IAsyncStream<int>).Assembly;

    private readonly Rejecting _authorizer = new();
    private PresenceCluster _cluster = null!;

    private IClusterClient Client => _cluster.Orleans.Client;

    private string Silo => _cluster.Silos[0].SiloAddress.ToParsableString();

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(
        1, configureSilo: silo => silo.Services.AddSingleton<IPresenceAuthorizer>(_authorizer));

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    public static TheoryData<string> Guarded => ["shard", "silo", "process", "diffs"];

    [Theory]
    [MemberData(nameof(Guarded))]
    public async Task Client_cannot_deliver_events_to_grains_of_the_cluster(string grain)
    {
        using var rejected = new Counted("presence.calls.rejected", "unauthenticated");
        IAddressable target = grain switch
        {
            "shard" => Client.GetGrain<IPresenceShardGrain>($"{Silo}/0"),
            "silo" => Client.GetGrain<IPinnedSiloGrain>(Silo),
            "process" => Client.GetGrain<IUniqueElectionGrain>("job"),
            _ => Client.GetGrain<IHandleDiffGrain>("lobby"),
        };
        var error = await Assert.ThrowsAsync<UnauthorizedAccessException>(() => CallAsync(
            target,
            "Orleans.Streams.IStreamConsumerExtension",
            "DeliverMutable",
            GuidId(),
            StreamOf(OrleansTransport.StreamProvider, StreamId.Create("presence.deltas", $"{Silo}/0")),
            new DeltaBatch("a node", Silo, []),
            null,
            null));
        Assert.Contains("Presence:Orleans:ClusterKey", error.Message);
        Assert.InRange(rejected.Sum, 1, long.MaxValue);
    }

    [Fact]
    public async Task Client_cannot_publish_to_the_stream_of_a_topic_or_learn_its_subscriptions()
    {
        await using var reader = await _cluster.Client.SubscribeAsync("lobby", _ => default, SubscriptionKind.Stream);
        var (stream, self) = (StreamOf(Provider, PresenceStreams.Diffs("lobby")), GrainId.Create("sys.client", "evil"));
        await RejectedAsync("RegisterProducer", stream, self);
        await RejectedAsync("UnregisterProducer", stream, self);
        await RejectedAsync("GetAllSubscriptions", stream, default(GrainId));
        await RejectedAsync("DiagGetConsumers", stream);

        // Subscribers are served as before.
        await using var ann = await _cluster.Client.TrackAsync("lobby", "ann");
        await TestTimeouts.UntilAsync(
            "the reader sees ann", TimeSpan.FromSeconds(30), () => reader.Presences.Any(p => p.Key == "ann"));

        async Task RejectedAsync(string method, params object?[] arguments) =>
            await Assert.ThrowsAsync<UnauthorizedAccessException>(() => CallAsync(
                Rendezvous("lobby"), "Orleans.Streams.IPubSubRendezvousGrain", method, arguments));
    }

    [Fact]
    public async Task Client_that_the_authorizer_rejects_cannot_subscribe_to_the_stream_itself()
    {
        _authorizer.Rejects = PresenceOperation.Subscribe;
        var error = await Assert.ThrowsAsync<UnauthorizedAccessException>(() => CallAsync(
            Rendezvous("lobby"),
            "Orleans.Streams.IPubSubRendezvousGrain",
            "RegisterConsumer",
            GuidId(),
            StreamOf(Provider, PresenceStreams.Diffs("lobby")),
            GrainId.Create("sys.client", "evil"),
            null));
        Assert.Contains("Subscribe", error.Message);
        Assert.Contains(new PresenceAccess(PresenceOperation.Subscribe, "lobby", null), _authorizer.Asked);
    }

    private IAddressable Rendezvous(string topic) => Client.GetGrain(
        GrainId.Create(DiffSubscriptions.Type, IdSpan.Create($"{Provider}/{PresenceStreams.Diffs(topic)}")));

    private static object GuidId() => TypeOf("Orleans.Runtime.GuidId")
        .GetMethod("GetNewGuidId", BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!
        .Invoke(null, null)!;

    private static object StreamOf(string provider, StreamId stream) =>
        Activator.CreateInstance(TypeOf("Orleans.Runtime.QualifiedStreamId"), provider, stream)!;

    private static Type TypeOf(string name) =>
        Streaming.GetType(name) ?? typeof(GrainId).Assembly.GetType(name, throwOnError: true)!;

    /// <summary>Calls a method of an internal interface of Orleans; further arguments have their defaults.</summary>
    private static Task CallAsync(IAddressable grain, string type, string method, params object?[] arguments)
    {
        var contract = TypeOf(type);
        var called = contract.GetMethod(method)!;
        Array.Resize(ref arguments, called.GetParameters().Length);
        return (Task)called.Invoke(grain.AsReference(contract), arguments)!;
    }

    private sealed class Rejecting : IPresenceAuthorizer
    {
        private readonly ConcurrentQueue<PresenceAccess> _asked = new();

        public PresenceOperation? Rejects { get; set; }

        public IReadOnlyCollection<PresenceAccess> Asked => _asked;

        public ValueTask<bool> IsAllowedAsync(PresenceAccess access)
        {
            _asked.Enqueue(access);
            return ValueTask.FromResult(access.Operation != Rejects);
        }
    }
}
