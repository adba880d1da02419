using Orleans.GrainDirectory;
using Orleans.Runtime;

namespace Presence.Grains.Placement;

/// <summary>The grain directory of pinned grains. It is empty, because their key determines their silo.</summary>
/// <remarks>
/// The default directory stores a grain's entry on another silo; when that one fails, lookups wait until it is declared
/// dead, and healthy activations are torn down. Here every lookup finds nothing and leads to
/// <see cref="PinnedPlacementDirector"/>, whose result Orleans caches.
/// </remarks>
internal sealed class PinnedGrainDirectory : IGrainDirectory
{
    public const string Name = "presence-pinned";

    public Task<GrainAddress?> Register(GrainAddress address) => Task.FromResult<GrainAddress?>(address);

    public Task Unregister(GrainAddress address) => Task.CompletedTask;

    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult<GrainAddress?>(null);

    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;
}
