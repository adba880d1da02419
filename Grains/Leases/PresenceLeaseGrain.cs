using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;
using Presence.Grains.Diffs;
using Presence.Grains.Placement;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Leases;

/// <summary>See <see cref="IPresenceLeaseGrain"/>. The leases themselves are in its silo's <see cref="LeaseTable"/>.</summary>
[GrainType("presence-lease")]
[PinnedToSilo]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[Immovable]
[Reentrant]
internal sealed class PresenceLeaseGrain(IPresenceNode node, LeaseTable leases, ObserverTable observers)
    : Grain, IPresenceLeaseGrain
{
    public Task<bool> Renew(string lease) => Task.FromResult(leases.Find(lease) is not null);

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
}
