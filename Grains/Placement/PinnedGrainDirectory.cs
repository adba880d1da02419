using Orleans.GrainDirectory;
using Orleans.Runtime;

namespace Presence.Grains.Placement;

/// <summary>The directory of pinned grains: empty, because their key says where they are.</summary>
/// <remarks>
/// With the default directory the entry of a grain on one silo is kept by another; when that other silo dies, lookups
/// wait for its death to be noticed and healthy activations are torn down. Pinned grains must not depend on a third.
/// A lookup answers "unknown", which leads to <see cref="PinnedPlacementDirector"/>; Orleans caches its answer.
/// </remarks>
internal sealed class PinnedGrainDirectory : IGrainDirectory
{
    public const string Name = "presence-pinned";

    public Task<GrainAddress?> Register(GrainAddress address) => Task.FromResult<GrainAddress?>(address);

    public Task Unregister(GrainAddress address) => Task.CompletedTask;

    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult<GrainAddress?>(null);

    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;
}
