using Orleans;
using Orleans.Metadata;
using Presence.Tracker;

namespace Presence.Grains.Keys;

/// <summary>Keeps one presence with a lease. One activation in the cluster; only silos call it.</summary>
[Alias("Presence.Grains.IKeyLeaseGrain")]
[DefaultGrainType("presence-key-lease")]
internal interface IKeyLeaseGrain : IGrainWithStringKey
{
    /// <summary>See <see cref="IKeyPresenceGrain.Put"/>.</summary>
    [Alias("Put")]
    Task<KeyPresenceResult> Put(PresenceMeta meta, TimeSpan duration);

    /// <summary>See <see cref="IKeyPresenceGrain.End"/>.</summary>
    [Alias("End")]
    Task<bool> End();
}
