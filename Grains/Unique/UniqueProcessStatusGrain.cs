using Orleans.Concurrency;
using Presence.Grains.Cluster;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>See <see cref="IUniqueProcessGrain"/>. On every node; forwards to the one that elects.</summary>
[PresenceGrainType("presence-unique-process-status")]
[StatelessWorker(1)]
[Reentrant]
internal sealed class UniqueProcessStatusGrain : Grain, IUniqueProcessGrain
{
    public Task<UniqueProcessStatus?> Status() => Election().Status();

    public Task<bool> HandOver() => Election().HandOver();

    private IUniqueElectionGrain Election() => GrainFactory.GetGrain<IUniqueElectionGrain>(this.GetPrimaryKeyString());
}
