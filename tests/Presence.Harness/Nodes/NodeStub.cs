namespace Presence.Harness.Nodes;

/// <summary>A node of which a test overrides what it needs. It supports no change, and nobody is there.</summary>
public abstract class NodeStub : IPresenceNode, IPresenceTracker, IClusterPubSub
{
    public virtual string Name => "stub";

    string IPresenceTracker.Name => "presence";

    public virtual string Engine => "stub";

    public NodeState State => NodeState.Ready;

    public IPresenceTracker Tracker => this;

    public IClusterPubSub PubSub => this;

    public IPresenceTracker GetTracker(string name) => this;

    public virtual PresenceProcess StartProcess(string? label = null) => throw new NotSupportedException();

    public virtual IReadOnlyList<MemberStatus> Members() => [];

    public virtual IReadOnlyList<ReplicaStatus> Replicas() => [];

    public virtual ValueTask<PresenceEntry> TrackAsync(
        PresenceProcess process, string topic, string key, PresenceMeta meta = default) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<PresenceEntry>> TrackManyAsync(
        PresenceProcess process, IReadOnlyList<TrackRequest> requests) => throw new NotSupportedException();

    public ValueTask<PresenceEntry> UpdateAsync(PresenceProcess process, string topic, string key, PresenceMeta meta) =>
        UpdateAsync(process, topic, key, _ => meta);

    public virtual ValueTask<PresenceEntry> UpdateAsync(
        PresenceProcess process, string topic, string key, Func<PresenceEntry, PresenceMeta> update) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<PresenceEntry>> UpdateManyAsync(
        PresenceProcess process, IReadOnlyList<TrackRequest> requests) => throw new NotSupportedException();

    public virtual ValueTask<bool> UntrackAsync(PresenceProcess process, string topic, string key) =>
        throw new NotSupportedException();

    public virtual ValueTask<int> UntrackAllAsync(PresenceProcess process) => throw new NotSupportedException();

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
