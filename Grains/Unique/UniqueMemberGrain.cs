using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;
using Presence.Grains.Placement;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>See <see cref="IUniqueMemberGrain"/>. Holds nothing: the seats are in its silo's <see cref="UniqueSeats"/>.</summary>
[GrainType("presence-unique-member")]
[PinnedToSilo]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[Immovable]
[Reentrant]
internal sealed class UniqueMemberGrain(UniqueSeats seats, IServiceProvider services) : Grain, IUniqueMemberGrain
{
    public Task<UniqueSeat?> Ask(string name) => Task.FromResult(seats.Find(name)?.Show());

    public Task Call(string name)
    {
        seats.Find(name)?.Call();
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<UniqueProcessRecord>?> List() => Task.FromResult(UniqueDirectoryGrain.ListOf(services));
}
