using Presence.Crdt;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Dashboard.Tests;

/// <summary>A member without presences: enough to try the door, and what is said about the cluster.</summary>
internal sealed class StandInNode : IPresenceNode, IPresenceTracker, IClusterPubSub
{
    private static readonly PresenceIndex Empty =
        new TrackerShard(new ReplicaId("node-1", 1), 0, new TrackerOptions(), new PresenceLimits(), 1).Index;

    public List<PubSubMessage> Broadcasts { get; } = [];

    public List<TopicCount> TopicCounts { get; } = [];

    public string Name => "node-1";

    public string Engine => "embedded";

    public NodeState State => NodeState.Ready;

    public IPresenceTracker Tracker => this;

    public IClusterPubSub PubSub => this;

    public IPresenceTracker GetTracker(string name) => this;

    public PresenceProcess StartProcess(string? label = null) => throw new NotSupportedException();

    public IReadOnlyList<MemberStatus> Members() =>
        [new("node-1", "up", true, 3), new("node-2", "down", false, 0)];

    public IReadOnlyList<ReplicaStatus> Replicas() =>
    [
        new("node-3", ulong.MaxValue, 0, "up", 7, 7, 4, TimeSpan.Zero, TimeSpan.Zero),
        new("node-2", 1, 0, "down", 5, 9, 2, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(31)),
    ];

    public IReadOnlyList<TopicCount> Topics(string? after, int limit) =>
        [.. TopicCounts.Where(t => string.CompareOrdinal(t.Topic, after ?? "") > 0).Take(limit)];

    public IReadOnlyList<string> TopicsOf(string key) => [$"topic of {key}"];

    public IReadOnlyList<PresenceEntry> GetByKey(string topic, string key) => [];

    public void Broadcast(PubSubMessage message)
    {
        if (message.Topic.Length > 255)
        {
            throw new PresenceLimitException("topic", message.Topic.Length, 255);
        }

        Broadcasts.Add(message);
    }

    public void BroadcastLocal(PubSubMessage message) => throw new NotSupportedException();

    public IDisposable Subscribe(string topic, Action<PubSubMessage> subscriber) => new MemoryStream();

    public TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff) => new(Empty.List(topic), () => { });

    public TopicSnapshot List(string topic) => throw new InvalidOperationException("a fault inside");

    public int Count(string topic) => 0;

    public int KeyCount(string topic) => 0;

    public ValueTask<PresenceEntry> TrackAsync(PresenceProcess process, string topic, string key, PresenceMeta meta) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<PresenceEntry>> TrackManyAsync(
        PresenceProcess process,
        IReadOnlyList<TrackRequest> requests) => throw new NotSupportedException();

    public ValueTask<PresenceEntry> UpdateAsync(PresenceProcess process, string topic, string key, PresenceMeta meta) =>
        throw new NotSupportedException();

    public ValueTask<PresenceEntry> UpdateAsync(
        PresenceProcess process,
        string topic,
        string key,
        Func<PresenceEntry, PresenceMeta> update) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<PresenceEntry>> UpdateManyAsync(
        PresenceProcess process,
        IReadOnlyList<TrackRequest> requests) => throw new NotSupportedException();

    public ValueTask<bool> UntrackAsync(PresenceProcess process, string topic, string key) =>
        throw new NotSupportedException();

    public ValueTask<int> UntrackAllAsync(PresenceProcess process) => throw new NotSupportedException();

    public ValueTask<IAsyncDisposable> AddHandlerAsync(IPresenceHandler handler, CancellationToken cancellation) =>
        throw new NotSupportedException();
}
