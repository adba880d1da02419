using Orleans.Concurrency;
using Presence.Grains.Cluster;
using Presence.Tracker;

namespace Presence.Grains.Keys;

/// <summary>See <see cref="IKeyPresenceGrain"/>. On every node: forwards to <see cref="KeyLeaseGrain"/>.</summary>
[PresenceGrainType("presence-key")]
[StatelessWorker(1, removeIdleWorkers: false)]
[Reentrant]
internal sealed class KeyPresenceGrain : Grain, IKeyPresenceGrain
{
    public Task<KeyPresenceResult> Put(PresenceMeta meta, TimeSpan duration) => Lease().Put(meta, duration);

    public Task<bool> End() => Lease().End();

    private IKeyLeaseGrain Lease() => GrainFactory.GetGrain<IKeyLeaseGrain>(this.GetPrimaryKeyString());
}
