using Orleans.Concurrency;
using Orleans.Runtime;
using Presence.Grains.Cluster;
using Presence.Grains.Placement;

namespace Presence.Grains.Leases;

/// <summary>See <see cref="IPresenceLeaseGrain"/>. On every node; forwards to the silo that its key names.</summary>
[PresenceGrainType("presence-lease")]
[StatelessWorker(1)]
[Reentrant]
internal sealed class PresenceLeaseGrain(PresenceSilos silos) : Grain, IPresenceLeaseGrain
{
    public async Task<bool> Renew(string lease) => (await Silo().RenewMany([lease])).Count == 0;

    public Task<IReadOnlyList<string>> RenewMany(IReadOnlyList<string> leases) => Silo().RenewMany(leases);

    public Task<bool> End(string lease) => Silo().End(lease);

    public Task<bool> RenewSubscription(string id) => Silo().RenewSubscription(id);

    private IPresenceSiloGrain Silo() => silos.Grain(GrainFactory, this.GetPrimaryKeyString());
}
