using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;
using Orleans.Runtime;
using Presence.Grains.Cluster;
using Presence.Grains.Diffs;
using Presence.Grains.Leases;
using Presence.Grains.Link;
using Presence.Grains.Placement;
using Presence.Grains.Unique;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>See <see cref="IPresenceSiloGrain"/>. Holds nothing: everything is in the tables of its silo.</summary>
[PresenceGrainType(TypeName)]
[PinnedToSilo]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[Immovable]
[KeepAlive]
[Reentrant]
internal sealed class PresenceSiloGrain(
    IPresenceNode node,
    PresenceSilos silos,
    DeltaQueue deltas,
    LeaseTable leases,
    ObserverTable observers,
    DiffStreams streams,
    UniqueSeats seats,
    IServiceProvider services) : Grain, IPresenceSiloGrain
{
    private const string TypeName = "presence-silo";

    /// <summary>The grain type, as silo manifests name it.</summary>
    public static GrainType Type { get; } = GrainType.Create(TypeName);

    public async Task Enqueue(string shardKey, DeltaBatch batch)
    {
        await silos.Joined;
        deltas.Add(shardKey, batch);
    }

    public Task<IReadOnlyList<string>> RenewMany(IReadOnlyList<string> all) =>
        Task.FromResult<IReadOnlyList<string>>([.. all.Where(lease => leases.Find(lease) is null)]);

    public Task<bool> End(string lease) => Task.FromResult(leases.End(lease));

    public async Task<PresenceHandle> Update(PresenceHandle handle, PresenceMeta meta)
    {
        var process = leases.Find(handle.Lease) ?? throw new NotTrackedException(handle.Topic, handle.Key);
        var entry = await node.Tracker.UpdateAsync(process, handle.Topic, handle.Key, meta);
        return handle with { Ref = entry.Ref, LeaseDuration = leases.Duration };
    }

    public async Task<bool> Untrack(PresenceHandle handle) =>
        leases.Find(handle.Lease) is { } process
        && await node.Tracker.UntrackAsync(process, handle.Topic, handle.Key);

    public Task<bool> RenewSubscription(string id) => Task.FromResult(observers.Renew(id));

    public Task<bool> Unsubscribe(string id) => Task.FromResult(observers.Remove(id));

    public Task<TopicPosition> Position(string topic) => Task.FromResult(streams.Position(topic));

    public Task<TopicChanges> CatchUp(string topic) => Task.FromResult(streams.CatchUp(topic));

    public Task AddFollowed(IReadOnlyList<string> topics)
    {
        streams.AddFollowed(topics);
        return Task.CompletedTask;
    }

    public Task RemoveFollowed(IReadOnlyList<string> topics)
    {
        streams.RemoveFollowed(topics);
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<string>> Followed() => Task.FromResult(streams.Followed());

    public Task<UniqueSeat?> UniqueSeatOf(string name) => Task.FromResult(seats.Find(name)?.Show());

    public Task CallUniqueSeat(string name)
    {
        seats.Find(name)?.Call();
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<UniqueProcessStatus>?> UniqueProcesses() =>
        Task.FromResult(services.GetService<IUniqueProcessDirectory>()?.List());
}
