using Orleans.Metadata;
using Orleans;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>Renews and ends the leases and subscriptions that one silo keeps. Key: <see cref="PresenceHandle.Silo"/>.</summary>
/// <remarks>
/// Can be called from any silo and any client; every node of the cluster forwards to the silo. When that silo is dead every call
/// fails with <see cref="Orleans.Runtime.SiloUnavailableException"/>, and its presences have left: track again.
/// </remarks>
[Alias("Presence.Grains.IPresenceLeaseGrain")]
[DefaultGrainType("presence-lease")]
public interface IPresenceLeaseGrain : IGrainWithStringKey
{
    /// <summary>Renews a lease for another <see cref="PresenceHandle.LeaseDuration"/>.</summary>
    /// <returns>False if the lease has expired, and its presences have left: track again.</returns>
    [Alias("Renew")]
    Task<bool> Renew(string lease);

    /// <summary>Renews many leases at once.</summary>
    /// <returns>Those that have expired, and whose presences have left: track again.</returns>
    [Alias("RenewMany")]
    Task<IReadOnlyList<string>> RenewMany(IReadOnlyList<string> leases);

    /// <summary>Ends a lease and all that was tracked by it, in one diff per shard.</summary>
    /// <returns>False if it had ended before.</returns>
    [Alias("End")]
    Task<bool> End(string lease);

    /// <summary>Renews a subscription for another <see cref="PresenceSubscription.Duration"/>.</summary>
    /// <returns>False if it has ended: subscribe again.</returns>
    [Alias("RenewSubscription")]
    Task<bool> RenewSubscription(string id);
}
