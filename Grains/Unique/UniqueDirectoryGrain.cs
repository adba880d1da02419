using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.Runtime;
using Presence.Grains.Cluster;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>See <see cref="IUniqueDirectoryGrain"/>. Runs on every node; stateless.</summary>
[PresenceGrainType("presence-unique-directory")]
[StatelessWorker(1, removeIdleWorkers: false)]
[Reentrant]
internal sealed class UniqueDirectoryGrain(IServiceProvider services, PresenceSilos silos, ILocalSiloDetails self)
    : Grain, IUniqueDirectoryGrain
{
    public async Task<IReadOnlyList<UniqueProcessStatus>> List()
    {
        if (services.GetService<IUniqueProcessDirectory>() is { } directory)
        {
            return directory.List();
        }

        foreach (var silo in silos.Current.Active.Where(s => !s.Equals(self.SiloAddress)))
        {
            if (await silos.Grain(GrainFactory, silo.ToParsableString()).UniqueProcesses() is { } list)
            {
                return list;
            }
        }

        return [];
    }

    public async Task<UniqueProcessStatus?> Find(string name) =>
        services.GetService<IUniqueProcessDirectory>() is { } directory
            ? directory.Find(name)
            : (await List()).FirstOrDefault(p => p.Name == name);
}
