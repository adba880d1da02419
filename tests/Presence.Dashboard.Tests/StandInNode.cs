using Presence.Harness.Nodes;
using Presence.Tracker.Index;
using Presence.Tracker.Shard;

namespace Presence.Dashboard.Tests;

/// <summary>A node without presences, for tests of authentication and cluster reports.</summary>
internal sealed class StandInNode : NodeStub
{
    private static readonly PresenceIndex Empty =
        new TrackerShard(new ReplicaId("node-1", 1), 0, new TrackerOptions(), new PresenceLimits(), 1).Index;

    public List<PubSubMessage> Broadcasts { get; } = [];
    public List<string> Evicted { get; } = [];
    public List<TopicCount> TopicCounts { get; } = [];
    public override string Name => "node-1";
    public override string TransportName => "in-memory";

    public override IReadOnlyList<NodeStatus> Nodes() =>
        [new("node-1", "up", true, 3), new("node-2", "down", false, 0)];

    public override IReadOnlyList<ReplicaStatus> Replicas() =>
    [
        new("node-3", ulong.MaxValue, 0, "up", 7, 7, 4, TimeSpan.Zero, TimeSpan.Zero),
        new("node-2", 1, 0, "down", 5, 9, 2, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(31)),
    ];

    public override IReadOnlyList<TopicCount> Topics(string? after, int limit) =>
        [.. TopicCounts.Where(t => string.CompareOrdinal(t.Topic, after ?? "") > 0).Take(limit)];

    public override IReadOnlyList<string> TopicsOf(string key) => [$"topic of {key}"];
    public override IReadOnlyList<PresenceEntry> GetByKey(string topic, string key) => [];

    public override void Broadcast(PubSubMessage message)
    {
        if (message.Topic.Length > 255)
        {
            throw new PresenceLimitException("topic", message.Topic.Length, 255);
        }

        Broadcasts.Add(message);
    }

    public override Task<int> EvictAsync(string topic, string key, CancellationToken cancellation = default) =>
        EvictKeyAsync(key, cancellation);

    public override Task<int> EvictKeyAsync(string key, CancellationToken cancellation = default)
    {
        Evicted.Add(key);
        return Task.FromResult(1);
    }

    public override IDisposable Subscribe(string topic, Action<PubSubMessage> subscriber) => new MemoryStream();

    public override TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff) =>
        new(Empty.List(topic), () => { });

    public override TopicSnapshot List(string topic) => throw new InvalidOperationException("a fault inside");
    public override int Count(string topic) => 0;
}
