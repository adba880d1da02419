using Orleans.Concurrency;
using Orleans.Runtime;
using Presence.Grains.Cluster;

namespace Presence.Grains.Leases;

/// <summary>On every node: forwards to the <see cref="IPinnedSiloGrain"/> of the silo that its key names.</summary>
[PresenceGrainType("presence-silo")]
[StatelessWorker(1, removeIdleWorkers: false)]
[Reentrant]
internal sealed class PresenceSiloGrain(PresenceSilos silos) : Grain, IPresenceSiloGrain
{
    public async Task<bool> Renew(string lease) => (await Silo().RenewMany([lease])).Count == 0;

    public Task<IReadOnlyList<string>> RenewMany(IReadOnlyList<string> leases) => Silo().RenewMany(leases);

    public Task<bool> End(string lease) => Silo().End(lease);

    public async Task<bool> RenewSubscription(string id) => (await Silo().RenewSubscriptions([id])).Count == 0;

    public Task<IReadOnlyList<string>> RenewSubscriptions(IReadOnlyList<string> ids) => Silo().RenewSubscriptions(ids);

    public Task<SiloCheck> Check(IReadOnlyList<string> topics) => Silo().Check(topics);

    public Task<TopicList?> GetPage(string list, int page) => Silo().GetPage(list, page);

    private IPinnedSiloGrain Silo() => silos.Grain(GrainFactory, this.GetPrimaryKeyString());
}
