using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace Presence.Grains.Placement;

/// <summary>Places a grain on the silo that its key names, or not at all.</summary>
[Serializable]
[GenerateSerializer]
[Immutable]
[Alias("presence.pinned-placement")]
internal sealed class PinnedPlacement : PlacementStrategy;

/// <summary>Pins a grain to the silo that its key names: <c>silo</c> or <c>silo/shard</c>.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class PinnedToSiloAttribute() : PlacementAttribute(new PinnedPlacement());

/// <summary>Places a grain on the silo that its key names; throws if that silo is not active.</summary>
/// <remarks>
/// Decides by membership alone. The list of compatible silos contains a joining silo only after its manifest has
/// arrived, which would reject its first frames with an error each.
/// </remarks>
internal sealed class PinnedPlacementDirector(ISiloStatusOracle silos) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(
        PlacementStrategy strategy,
        PlacementTarget target,
        IPlacementContext context)
    {
        if (!ShardKey.TryParseOwner(target.GrainIdentity.Key.ToString(), out var silo))
        {
            throw new ArgumentException($"The key of {target.GrainIdentity} has no silo address.");
        }

        return silos.GetApproximateSiloStatus(silo) == SiloStatus.Active
            ? Task.FromResult(silo)
            : throw new WrongSiloException($"{target.GrainIdentity} is pinned to silo {silo}, which is not active.");
    }
}

/// <summary>
/// A pinned grain cannot be placed because its silo is not active. Orleans retries placements that fail with its own
/// exceptions for half a second, and logs each; it does not retry after this one, when a retry cannot succeed.
/// </summary>
[GenerateSerializer]
[Alias("presence.wrong-silo")]
internal sealed class WrongSiloException(string message) : InvalidOperationException(message);
