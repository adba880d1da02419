using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.Runtime;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>See <see cref="IUniqueDirectoryGrain"/>. On every silo, and holds nothing.</summary>
[GrainType("presence-unique-directory")]
[StatelessWorker(1)]
[Reentrant]
internal sealed class UniqueDirectoryGrain(
    IServiceProvider services, IGrainFactory grains, IClusterMembershipService membership, ILocalSiloDetails self)
    : Grain, IUniqueDirectoryGrain
{
    public async Task<IReadOnlyList<UniqueProcessRecord>> List()
    {
        if (ListOf(services) is { } here)
        {
            return here;
        }

        foreach (var silo in membership.CurrentSnapshot.Members.Values.Where(m => m.Status == SiloStatus.Active).Select(m => m.SiloAddress))
        {
            if (!silo.Equals(self.SiloAddress)
                && await grains.GetGrain<IUniqueMemberGrain>(silo.ToParsableString()).List() is { } there)
            {
                return there;
            }
        }

        return [];
    }

    public async Task<UniqueProcessRecord?> Find(string name) =>
        services.GetService<IUniqueProcessDirectory>() is { } directory
            ? Record(directory.Find(name))
            : (await List()).FirstOrDefault(p => p.Name == name);

    public static IReadOnlyList<UniqueProcessRecord>? ListOf(IServiceProvider services) =>
        services.GetService<IUniqueProcessDirectory>() is { } directory
            ? [.. directory.List().Select(status => Record(status)!)]
            : null;

    private static UniqueProcessRecord? Record(UniqueProcessStatus? status) => status is null
        ? null
        : new(status.Name, status.Mode, status.Node, status.Since, status.Epoch, status.Standbys);
}
