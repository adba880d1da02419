using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Metadata;
using Orleans.Runtime;
using Orleans.Runtime.Placement;
using Presence.Grains.Cluster;

namespace Presence.Grains.Placement;

/// <summary>The grain that keeps the subscriptions of a stream lives on a node, because only nodes surely have its store.</summary>
[Serializable]
[GenerateSerializer]
[Immutable]
[Alias("presence.subscription-placement")]
internal sealed class SubscriptionPlacement : PlacementStrategy;

/// <summary>Gives Orleans' grain for stream subscriptions this placement, on this silo.</summary>
internal sealed class SubscriptionPlacementResolver : IPlacementStrategyResolver
{
    private static readonly GrainType Subscriptions = GrainType.Create("pubsubrendezvous");

    public bool TryResolvePlacementStrategy(
        GrainType grainType, GrainProperties? properties, [NotNullWhen(true)] out PlacementStrategy? result)
    {
        result = grainType == Subscriptions ? new SubscriptionPlacement() : null;
        return result is not null;
    }
}

/// <summary>
/// Places the subscriptions of our streams on this silo, or on another node if this one shuts down. Those of other providers are placed as
/// they would be without us.
/// </summary>
internal sealed class SubscriptionPlacementDirector(PresenceSilos silos, IServiceProvider services) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        if (!target.GrainIdentity.Key.ToString()!.StartsWith(PresenceStreams.Queues + "/", StringComparison.Ordinal))
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
