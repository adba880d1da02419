using Orleans.Runtime;

namespace Presence.Grains.Client;

/// <summary>
/// Returns references to the grains of an interface. Orleans looks up by reflection, at each request, which grain
/// implements an interface; here that happens once.
/// </summary>
/// <typeparam name="TGrain">The interface.</typeparam>
/// <param name="grains">Creates the references.</param>
internal sealed class GrainReferences<TGrain>(IGrainFactory grains)
    where TGrain : IGrainWithStringKey
{
    private volatile Resolved? _resolved;

    /// <summary>Returns a reference to the grain with a key.</summary>
    /// <exception cref="ArgumentException">No silo that is known has the grain.</exception>
    public TGrain this[string key]
    {
        get
        {
            if (_resolved is { } resolved)
            {
                return (TGrain)grains.GetGrain(GrainId.Create(resolved.Grain, key), resolved.Interface);
            }

            var first = grains.GetGrain<TGrain>(key);
            if (first is GrainReference reference)
            {
                _resolved = new(reference.GrainId.Type, reference.InterfaceType);
            }

            return first;
        }
    }

    private sealed record Resolved(GrainType Grain, GrainInterfaceType Interface);
}
