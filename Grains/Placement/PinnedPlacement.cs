using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace Presence.Grains.Placement;

/// <summary>The grain lives on the silo that its key names, or not at all.</summary>
[Serializable]
[GenerateSerializer]
[Immutable]
[Alias("presence.pinned-placement")]
internal sealed class PinnedPlacement : PlacementStrategy;

/// <summary>Pins a grain to the silo that its key names: <c>silo</c> or <c>silo/shard</c>.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class PinnedToSiloAttribute() : PlacementAttribute(new PinnedPlacement());

/// <summary>Places on the named silo; refuses when that silo is gone, because anywhere else would be wrong.</summary>
/// <remarks>
/// Membership alone decides. The silos that are known to be compatible are not asked: a silo that has just joined is among them
/// only once its manifest has arrived, and its first frames would be refused with an error for each.
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
            throw new ArgumentException($"The key of {target.GrainIdentity} does not begin with the address of a silo.");
        }

        return silos.GetApproximateSiloStatus(silo) == SiloStatus.Active
            ? Task.FromResult(silo)
            : throw new WrongSiloException($"{target.GrainIdentity} lives on silo {silo} alone, and that silo is not active.");
    }
}

/// <summary>
/// A grain that belongs to one silo cannot be placed, because that silo is not active. Orleans retries placements that fail with
/// one of its own exceptions, about half a second and with log entries for each; this one it does not retry, because nothing
/// would change.
/// </summary>
[GenerateSerializer]
[Alias("presence.wrong-silo")]
internal sealed class WrongSiloException(string message) : InvalidOperationException(message);
