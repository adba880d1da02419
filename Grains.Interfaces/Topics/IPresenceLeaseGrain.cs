using Orleans;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>The leases and subscriptions that one silo keeps. Key: <see cref="PresenceHandle.Silo"/>.</summary>
/// <remarks>
/// Lives on that silo and nowhere else. When the silo is gone every call fails with
/// <see cref="Orleans.Runtime.SiloUnavailableException"/>, and so are the presences: track again.
/// </remarks>
[Alias("Presence.Grains.IPresenceLeaseGrain")]
public interface IPresenceLeaseGrain : IGrainWithStringKey
{
    /// <summary>Keeps a lease for another <see cref="PresenceHandle.LeaseDuration"/>.</summary>
    /// <returns>False if the lease is over and its presences with it: track again.</returns>
    [Alias("Renew")]
    Task<bool> Renew(string lease);

    /// <summary>Keeps many leases at once.</summary>
    /// <returns>Those that are over, and their presences with them: track again.</returns>
    [Alias("RenewMany")]
    Task<IReadOnlyList<string>> RenewMany(IReadOnlyList<string> leases);

    /// <summary>Ends a lease and all that was tracked by it, in one diff per shard.</summary>
    /// <returns>False if it was over already.</returns>
    [Alias("End")]
    Task<bool> End(string lease);

    /// <summary>See <see cref="ITopicPresenceGrain.Update"/>, which comes here.</summary>
    /// <exception cref="NotTrackedException">The presence or its lease is over: track again.</exception>
    [Alias("Update")]
    Task<PresenceHandle> Update(PresenceHandle handle, PresenceMeta meta);

    /// <summary>See <see cref="ITopicPresenceGrain.Untrack"/>, which comes here.</summary>
    [Alias("Untrack")]
    Task<bool> Untrack(PresenceHandle handle);

    /// <summary>Keeps a subscription for another <see cref="PresenceSubscription.Duration"/>.</summary>
    /// <returns>False if it is over: subscribe again.</returns>
    [Alias("RenewSubscription")]
    Task<bool> RenewSubscription(string id);

    /// <summary>See <see cref="ITopicPresenceGrain.Unsubscribe"/>, which comes here.</summary>
    [Alias("Unsubscribe")]
    Task<bool> Unsubscribe(string id);
}
