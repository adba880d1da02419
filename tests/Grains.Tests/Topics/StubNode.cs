using Presence.Harness.Nodes;

namespace Presence.Grains.Tests.Topics;

/// <summary>One member of a <see cref="StubWorld"/>.</summary>
internal sealed class StubNode(StubWorld world, string name) : NodeStub, IPresenceTracker
{
    public override string Name => name;

    public override PresenceProcess StartProcess(string? label = null) => world.NewProcess(label);

    public override ValueTask<PresenceEntry> TrackAsync(
        PresenceProcess process, string topic, string key, PresenceMeta meta = default) =>
        new(world.Track(name, process, topic, key, meta));

    public override ValueTask<PresenceEntry> UpdateAsync(
        PresenceProcess process, string topic, string key, Func<PresenceEntry, PresenceMeta> update) =>
        new(world.Update(name, process, topic, key, update));

    public override ValueTask<bool> UntrackAsync(PresenceProcess process, string topic, string key) =>
        new(world.Untrack(name, process, e => e.Topic == topic && e.Key == key, LeaveReason.Untracked) > 0);

    public override ValueTask<int> UntrackAllAsync(PresenceProcess process) =>
        new(world.Untrack(name, process, _ => true, LeaveReason.Untracked));

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
