using Presence.Harness.Nodes;
using Presence.Tracker.Shard;

namespace Presence.Grains.Tests.Topics;

/// <summary>One node of a <see cref="StubWorld"/>.</summary>
internal sealed class StubNode(StubWorld world, string name) : NodeStub, IPresenceTracker
{
    public override string Name => name;

    public override PresenceSession OpenSession(string? label = null) => world.NewSession(label);

    public override ValueTask<PresenceEntry> TrackAsync(
        PresenceSession session,
        string topic,
        string key,
        PresenceMeta meta = default,
        CancellationToken cancellation = default) =>
        new(world.Track(name, session, topic, key, meta));

    public override ValueTask<PresenceEntry> UpdateAsync(
        PresenceSession session,
        string topic,
        string key,
        Func<PresenceEntry, PresenceMeta> update,
        CancellationToken cancellation = default) =>
        new(world.Update(name, session, topic, key, update));

    public override ValueTask<bool> UntrackAsync(
        PresenceSession session, string topic, string key, CancellationToken cancellation = default) =>
        new(world.Untrack(name, session, e => e.Topic == topic && e.Key == key, LeaveReason.Untracked) > 0);

    public override ValueTask<int> UntrackAllAsync(PresenceSession session, CancellationToken cancellation = default) =>
        new(world.Untrack(name, session, _ => true, LeaveReason.Untracked));

    public override TopicSnapshot List(string topic) => world.List(topic);

    public override IReadOnlyList<TopicCount> Topics(string? after, int limit) => world.Topics(after, limit);

    public override ValueTask<IAsyncDisposable> AddHandlerAsync(
        IPresenceHandler handler, CancellationToken cancellation = default)
    {
        world.AddHandler(handler);
        return new(new Handling(() => world.RemoveHandler(handler)));
    }

    public override TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff) =>
        world.Subscribe(topic, onDiff, name);

    TopicSnapshotView IPresenceTracker.ViewOf(string topic) => world.ViewOf(topic, name);

    private sealed class Handling(Action stop) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            stop();
            return default;
        }
    }
}

/// <summary>Adds presence to a silo without its own node.</summary>
internal static class StubNodeExtensions
{
    /// <summary>Adds the cluster transport and the grains over a stub of the node.</summary>
    public static ISiloBuilder AddTransportOnly(
        this ISiloBuilder silo, string name, Action<PresenceOrleansOptions>? configure = null, StubWorld? world = null)
    {
        silo.Services.AddSingleton<IPresenceNode>(new StubNode(world ?? new StubWorld(), name));
        return silo.AddPresenceTransport(configure).AddPresenceGrains();
    }
}
