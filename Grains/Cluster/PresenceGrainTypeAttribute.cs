using Microsoft.Extensions.DependencyInjection;
using Orleans.Metadata;
using Orleans.Runtime;
using Presence.Grains.Transport;

namespace Presence.Grains.Cluster;

/// <summary>
/// Sets the grain type of a class on nodes. On a silo that has the assembly but did not call <c>AddPresence</c>, the
/// type is one that no interface refers to, so that no call is placed there.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class PresenceGrainTypeAttribute(string name) : Attribute, IGrainTypeProviderAttribute
{
    public GrainType GetGrainType(IServiceProvider services, Type type) =>
        GrainType.Create(IsNode(services) ? name : name + ".unused");

    /// <summary>Returns whether <c>AddPresence</c> was called on the silo.</summary>
    public static bool IsNode(IServiceProvider services) =>
        services.GetService<IServiceProviderIsService>() is { } registered
        ? registered.IsService(typeof(PresenceSilos))
        : services.GetService<PresenceSilos>() is not null;
}

/// <summary>Subscribes the grain to the delta streams of its key, on silos that are nodes.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class DeltaSubscriptionAttribute : Attribute, IGrainBindingsProviderAttribute
{
    private readonly ImplicitStreamSubscriptionAttribute _subscription = new(OrleansTransport.StreamNamespace);

    public IEnumerable<Dictionary<string, string?>> GetBindings(
        IServiceProvider services, Type grainClass, GrainType grainType) =>
        PresenceGrainTypeAttribute.IsNode(services) ? _subscription.GetBindings(services, grainClass, grainType) : [];
}
