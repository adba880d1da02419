using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;
using Orleans.Runtime;
using Presence.Grains.Cluster;
using Presence.Grains.Diffs;
using Presence.Grains.Leases;
using Presence.Grains.Placement;
using Presence.Grains.Topics;
using Presence.Grains.Transport;
using Presence.Grains.Unique;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>See <see cref="IPinnedSiloGrain"/>. Stateless: the state is in the silo's registries.</summary>
[PresenceGrainType(TypeName)]
[PinnedToSilo]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[Immovable]
[KeepAlive]
[Reentrant]
internal sealed class PinnedSiloGrain(
    IPresenceNode node,
    PresenceSilos silos,
    OrleansTransport transport,
    DeltaStreamQueue deltas,
    LeaseRegistry leases,
    LeasedPresences presences,
    ObserverRegistry observers,
    PagedLists lists,
    TopicStreamPublisher streams,
    UniqueSeats seats,
    IServiceProvider services) : Grain, IPinnedSiloGrain
{
    private const string TypeName = "presence-pinned-silo";

    /// <summary>Gets the grain type, as silo manifests name it.</summary>
    public static GrainType Type { get; } = GrainType.Create(TypeName);

    public async Task Enqueue(string shardKey, DeltaBatch batch)
    {
        await silos.Joined;
        if (transport.IsOfThisSilo(shardKey, batch) && transport.IsOfSender(batch))
        {
            deltas.Add(shardKey, batch);
        }
    }

    public Task<IReadOnlyList<string>> RenewMany(IReadOnlyList<string> all) =>
        Task.FromResult<IReadOnlyList<string>>([.. all.Where(lease => leases.Find(lease) is null)]);

    public Task<bool> End(string lease) => Task.FromResult(leases.End(lease));

    public Task<int> EndLeases(IReadOnlyList<string> all) =>
        Task.FromResult(all.Count(id => leases.Prevent(id) | observers.Prevent(id)));

    public Task<PresenceHandle> Update(PresenceHandle handle, PresenceMeta meta) => presences.UpdateAsync(handle, meta);

    public Task<bool> Untrack(PresenceHandle handle) => presences.UntrackAsync(handle);

    public Task<IReadOnlyList<string>> RenewSubscriptions(IReadOnlyList<string> ids) =>
        Task.FromResult<IReadOnlyList<string>>([.. ids.Where(id => !observers.Renew(id))]);

    public Task<SiloCheck> Check(IReadOnlyList<string> topics) =>
        Task.FromResult(CheckNow(topics));

    public Task<TopicList?> GetPage(string list, int page) => Task.FromResult(
        lists.Page(list, page) is { } found
            ? new TopicList(found.Topic, node.Name, found.Page, null, null, found.HasNext ? list : null)
            : null);

    public Task<bool> Unsubscribe(string id) => Task.FromResult(observers.Remove(id));

    public Task<StreamPosition> Position(string topic) => Task.FromResult(streams.GetPosition(topic));

    public Task<TopicChanges> CatchUp(string topic, string? cursor) =>
        Task.FromResult(streams.GetSnapshot(topic, cursor));

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

    public Task<UniqueSeat?> UniqueSeatOf(string name) => Task.FromResult(seats.Find(name)?.NextReport());

    public Task CallUniqueSeat(string name)
    {
        seats.Find(name)?.Call();
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<UniqueProcessStatus>?> UniqueProcesses() =>
        Task.FromResult(services.GetService<IUniqueProcessDirectory>()?.List());

    private SiloCheck CheckNow(IReadOnlyList<string> topics)
    {
        // Before the positions: they may be later than the version, never earlier.
        var version = streams.Version;
        return new SiloCheck(observers.CutOff, [.. topics.Select(streams.FindPosition)], version);
    }
}
