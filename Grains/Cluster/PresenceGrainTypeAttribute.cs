using Microsoft.Extensions.DependencyInjection;
using Orleans.Metadata;
using Orleans.Runtime;
using Presence.Grains.Link;

namespace Presence.Grains.Cluster;

/// <summary>
/// Names a grain class on silos that are nodes. A silo that has the assembly without <c>AddPresence</c> lists the class under a name
/// that no interface refers to, so that no call is placed there.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class PresenceGrainTypeAttribute(string name) : Attribute, IGrainTypeProviderAttribute
{
    public GrainType GetGrainType(IServiceProvider services, Type type) =>
        GrainType.Create(IsNode(services) ? name : name + ".unused");

    /// <summary>Returns whether <c>AddPresence</c> was called on the silo.</summary>
    public static bool IsNode(IServiceProvider services) => services.GetService<IServiceProviderIsService>() is { } registered
        ? registered.IsService(typeof(PresenceSilos))
        : services.GetService<PresenceSilos>() is not null;
}

/// <summary>Subscribes the grain to the delta streams of its key, on silos that are nodes.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class DeltaSubscriptionAttribute : Attribute, IGrainBindingsProviderAttribute
{
    private readonly ImplicitStreamSubscriptionAttribute _subscription = new(OrleansLink.StreamNamespace);

    public IEnumerable<Dictionary<string, string?>> GetBindings(IServiceProvider services, Type grainClass, GrainType grainType) =>
        PresenceGrainTypeAttribute.IsNode(services) ? _subscription.GetBindings(services, grainClass, grainType) : [];
}
