namespace Presence.Harness.Nodes;

/// <summary>A stub of a node without presences that supports no changes; tests override what they need.</summary>
public abstract class NodeStub : IPresenceNode, IPresenceTracker, IClusterPubSub
{
    public virtual string Name => "stub";

    string IPresenceTracker.Name => "presence";

    public virtual string TransportName => "stub";

    public NodeState State => NodeState.Ready;

    public IPresenceTracker Tracker => this;

    public IClusterPubSub PubSub => this;

    public IPresenceTracker GetTracker(string name) => this;

    public virtual PresenceSession OpenSession(string? label = null) => throw new NotSupportedException();

    public virtual IReadOnlyList<NodeStatus> Nodes() => [];

    public virtual IReadOnlyList<ReplicaStatus> Replicas() => [];

    public virtual ValueTask<PresenceEntry> TrackAsync(
        PresenceSession session,
        string topic,
        string key,
        PresenceMeta meta = default,
        CancellationToken cancellation = default) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<PresenceEntry>> TrackManyAsync(
        PresenceSession session,
        IReadOnlyList<TrackRequest> requests,
        CancellationToken cancellation = default) => throw new NotSupportedException();

    public ValueTask<PresenceEntry> UpdateAsync(
        PresenceSession session,
        string topic,
        string key,
        PresenceMeta meta,
        CancellationToken cancellation = default) =>
        UpdateAsync(session, topic, key, _ => meta, cancellation);

    public virtual ValueTask<PresenceEntry> UpdateAsync(
        PresenceSession session,
        string topic,
        string key,
        Func<PresenceEntry, PresenceMeta> update,
        CancellationToken cancellation = default) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<PresenceEntry>> UpdateManyAsync(
        PresenceSession session,
        IReadOnlyList<TrackRequest> requests,
        CancellationToken cancellation = default) => throw new NotSupportedException();

    public virtual ValueTask<bool> UntrackAsync(
        PresenceSession session, string topic, string key, CancellationToken cancellation = default) =>
        throw new NotSupportedException();

    public virtual ValueTask<int> UntrackAllAsync(
        PresenceSession session, CancellationToken cancellation = default) => throw new NotSupportedException();

    public virtual Task<int> EvictAsync(string topic, string key, CancellationToken cancellation = default) =>
        throw new NotSupportedException();

    public virtual Task<int> EvictKeyAsync(string key, CancellationToken cancellation = default) =>
        throw new NotSupportedException();

    public abstract TopicSnapshot List(string topic);

    public virtual IReadOnlyList<PresenceEntry> GetByKey(string topic, string key) => List(topic).GetByKey(key);

    public virtual int Count(string topic) => List(topic).Count;

    public int KeyCount(string topic) => List(topic).KeyCount;

    public virtual IReadOnlyList<TopicCount> Topics(string? after, int limit) => [];

    public virtual IReadOnlyList<string> TopicsOf(string key) => [];

    public virtual ValueTask<IAsyncDisposable> AddHandlerAsync(
        IPresenceHandler handler, CancellationToken cancellation = default) => throw new NotSupportedException();

    public abstract TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff);

    public virtual IDisposable Subscribe(string topic, Action<PubSubMessage> subscriber) =>
        throw new NotSupportedException();

    public virtual void Broadcast(PubSubMessage message) => BroadcastLocal(message);

    public virtual void BroadcastLocal(PubSubMessage message) => throw new NotSupportedException();
}
