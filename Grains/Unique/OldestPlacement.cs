using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;
using Presence.Grains.Cluster;
using Presence.Grains.Placement;

namespace Presence.Grains.Unique;

/// <summary>Places a grain on the oldest active silo.</summary>
[Serializable]
[GenerateSerializer]
[Immutable]
[Alias("presence.oldest-placement")]
internal sealed class OldestPlacement : PlacementStrategy;

/// <summary>Places a grain on the oldest active silo.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class OnOldestSiloAttribute() : PlacementAttribute(new OldestPlacement());

/// <summary>Selects the oldest active node, alike on silos with the same view, without a directory.</summary>
internal sealed class OldestPlacementDirector(PresenceSilos silos) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(
        PlacementStrategy strategy, PlacementTarget target, IPlacementContext context) =>
        Oldest(silos.Current.Active) is { } oldest
            ? Task.FromResult(oldest)
            : throw new WrongSiloException($"{target.GrainIdentity} cannot be placed: no silo is active.");

    /// <summary>Returns the oldest silo. A silo's generation is the second in which it started.</summary>
    public static SiloAddress? Oldest(IEnumerable<SiloAddress> active)
    {
        SiloAddress? oldest = null;
        foreach (var silo in active)
        {
            if (oldest is null
                || silo.Generation < oldest.Generation
                || (silo.Generation == oldest.Generation && silo.CompareTo(oldest) < 0))
            {
                oldest = silo;
            }
        }

        return oldest;
    }
}
