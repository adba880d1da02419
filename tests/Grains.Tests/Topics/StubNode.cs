using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Tests.Topics;

/// <summary>One member of a <see cref="StubWorld"/>.</summary>
internal sealed class StubNode(StubWorld world, string name) : IPresenceNode, IPresenceTracker
{
    string IPresenceNode.Name => name;

    string IPresenceTracker.Name => "presence";

    public string Engine => "stub";

    public NodeState State => NodeState.Ready;

    public IPresenceTracker Tracker => this;

    public IClusterPubSub PubSub => throw new NotSupportedException();

    public IPresenceTracker GetTracker(string name) => this;

    public PresenceProcess StartProcess(string? label = null) => world.NewProcess(label);

    public IReadOnlyList<MemberStatus> Members() => [];

    public ValueTask<PresenceEntry> TrackAsync(
        PresenceProcess process,
        string topic,
        string key,
        PresenceMeta meta = default) => new(world.Track(name, process, topic, key, meta));

    public ValueTask<PresenceEntry> UpdateAsync(PresenceProcess process, string topic, string key, PresenceMeta meta) =>
        new(world.Update(name, process, topic, key, meta));

    public ValueTask<PresenceEntry> UpdateAsync(
        PresenceProcess process,
        string topic,
        string key,
        Func<PresenceEntry, PresenceMeta> update) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<PresenceEntry>> TrackManyAsync(
        PresenceProcess process,
        IReadOnlyList<TrackRequest> requests) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<PresenceEntry>> UpdateManyAsync(
        PresenceProcess process,
        IReadOnlyList<TrackRequest> requests) => throw new NotSupportedException();

    public ValueTask<bool> UntrackAsync(PresenceProcess process, string topic, string key) =>
        new(world.Untrack(name, process, e => e.Topic == topic && e.Key == key, LeaveReason.Untracked) > 0);

    public ValueTask<int> UntrackAllAsync(PresenceProcess process) =>
        new(world.Untrack(name, process, _ => true, LeaveReason.Untracked));

    public TopicSnapshot List(string topic) => world.List(topic);

    public IReadOnlyList<PresenceEntry> GetByKey(string topic, string key) => world.List(topic).GetByKey(key);

    public int Count(string topic) => world.List(topic).Count;

    public int KeyCount(string topic) => world.List(topic).KeyCount;

    public IReadOnlyList<TopicCount> Topics(string? after, int limit) => world.Topics(after, limit);

    public IReadOnlyList<string> TopicsOf(string key) => throw new NotSupportedException();

    public ValueTask<IAsyncDisposable> AddHandlerAsync(IPresenceHandler handler, CancellationToken cancellation = default)
    {
        world.AddHandler(handler);
        return new(new Handling(() => world.RemoveHandler(handler)));
    }

    public TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff) => world.Subscribe(topic, onDiff, name);

    public IReadOnlyList<ReplicaStatus> Replicas() => [];

    TopicView IPresenceTracker.ViewOf(string topic) => world.ViewOf(topic, name);

    private sealed class Handling(Action stop) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            stop();
            return default;
        }
    }
}

/// <summary>Presence on a silo without a node of its own.</summary>
internal static class StubNodeExtensions
{
    /// <summary>Adds the link and the grains, over a stand-in for the node.</summary>
    public static ISiloBuilder AddLinkAlone(
        this ISiloBuilder silo, string name, Action<PresenceOrleansOptions>? configure = null, StubWorld? world = null)
    {
        silo.Services.AddSingleton<IPresenceNode>(new StubNode(world ?? new StubWorld(), name));
        return silo.AddPresenceLink(configure).AddPresenceGrains();
    }
}
