using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Metadata;
using Orleans.Runtime;
using Orleans.Runtime.Placement;
using Presence.Grains.Cluster;
using Presence.Grains.Security;

namespace Presence.Grains.Placement;

/// <summary>Places the grain of a stream's subscriptions on a node; other silos may lack its store.</summary>
[Serializable]
[GenerateSerializer]
[Immutable]
[Alias("presence.subscription-placement")]
internal sealed class SubscriptionPlacement : PlacementStrategy;

/// <summary>Applies this placement to Orleans' grain for stream subscriptions, on this silo.</summary>
internal sealed class SubscriptionPlacementResolver : IPlacementStrategyResolver
{
    public bool TryResolvePlacementStrategy(
        GrainType grainType, GrainProperties? properties, [NotNullWhen(true)] out PlacementStrategy? result)
    {
        result = grainType == DiffSubscriptions.Type ? new SubscriptionPlacement() : null;
        return result is not null;
    }
}

/// <summary>
/// Places the subscriptions of presence streams on this silo, or on another node if this one is shutting down. Those of
/// other providers keep their default placement.
/// </summary>
internal sealed class SubscriptionPlacementDirector(PresenceSilos silos, IServiceProvider services) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(
        PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        if (!DiffSubscriptions.IsOne(target.GrainIdentity))
        {
            var standard = services.GetRequiredService<PlacementStrategy>();
            return services.GetRequiredKeyedService<IPlacementDirector>(standard.GetType())
                .OnAddActivation(standard, target, context);
        }

        var active = silos.Current.Active;
        return active.Contains(context.LocalSilo) || active.Length == 0
            ? Task.FromResult(context.LocalSilo)
            : Task.FromResult(active[Random.Shared.Next(active.Length)]);
    }
}
