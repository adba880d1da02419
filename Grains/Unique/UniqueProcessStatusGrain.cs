using Orleans.Concurrency;
using Presence.Grains.Cluster;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>See <see cref="IUniqueProcessGrain"/>. Runs on every node and forwards to the election grain.</summary>
[PresenceGrainType("presence-unique-process-status")]
[StatelessWorker(1, removeIdleWorkers: false)]
[Reentrant]
internal sealed class UniqueProcessStatusGrain : Grain, IUniqueProcessGrain
{
    public Task<UniqueProcessStatus?> Status() => Election().Status();

    public Task<bool> HandOver() => Election().HandOver();

    private IUniqueElectionGrain Election() => GrainFactory.GetGrain<IUniqueElectionGrain>(this.GetPrimaryKeyString());
}
