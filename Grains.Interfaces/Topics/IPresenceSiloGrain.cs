using Orleans.Metadata;
using Orleans;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>
/// Renews and ends the leases and subscriptions of one silo. Key: its address (<see cref="PresenceHandle.Silo"/>).
/// </summary>
/// <remarks>
/// Can be called from any silo and any client; the receiving node forwards the call to that silo. Once it is dead,
/// every call fails with <see cref="Orleans.Runtime.SiloUnavailableException"/>: continue its presences with
/// <see cref="ITopicPresenceGrain.Resume"/>.
/// </remarks>
[Alias("Presence.Grains.IPresenceSiloGrain")]
[DefaultGrainType("presence-silo")]
public interface IPresenceSiloGrain : IGrainWithStringKey
{
    /// <summary>Renews a lease for another <see cref="PresenceHandle.LeaseDuration"/>.</summary>
    /// <returns>False if the lease has expired, and its presences have left: track again.</returns>
    [Alias("Renew")]
    Task<bool> Renew(string lease);

    /// <summary>Renews many leases at once.</summary>
    /// <returns>The leases that have expired, and whose presences have left: track again.</returns>
    [Alias("RenewMany")]
    Task<IReadOnlyList<string>> RenewMany(IReadOnlyList<string> leases);

    /// <summary>Ends a lease and everything tracked under it, in one diff per shard.</summary>
    /// <returns>False if it had ended before.</returns>
    [Alias("End")]
    Task<bool> End(string lease);

    /// <summary>Renews a subscription for another <see cref="PresenceSubscription.SubscriptionTimeout"/>.</summary>
    /// <returns>False if it has ended: subscribe again.</returns>
    [Alias("RenewSubscription")]
    Task<bool> RenewSubscription(string id);

    /// <summary>Renews many subscriptions at once.</summary>
    /// <returns>The subscriptions that have ended: subscribe again.</returns>
    [Alias("RenewSubscriptions")]
    Task<IReadOnlyList<string>> RenewSubscriptions(IReadOnlyList<string> ids);

    /// <summary>Reports the state of the silo's subscriptions and streams; renews nothing.</summary>
    /// <param name="topics">
    /// Topics whose streams this silo publishes, as the caller believes; none to learn whether any position has changed
    /// (<see cref="SiloCheck.Version"/>).
    /// </param>
    [Alias("Check")]
    Task<SiloCheck> Check(IReadOnlyList<string> topics);

    /// <summary>Returns the next page of a list that began with a subscription or snapshot of this silo.</summary>
    /// <param name="list">See <see cref="TopicList.Rest"/> and <see cref="TopicChanges.Rest"/>.</param>
    /// <param name="page">
    /// 1 for the page after the first, then 2, and so on. A page that was read can be requested again.
    /// </param>
    /// <returns>Null if the list has expired (30 s after its last page was requested): begin again.</returns>
    [Alias("GetPage")]
    Task<TopicList?> GetPage(string list, int page);
}

/// <summary>What a silo reports to the clients that it serves.</summary>
/// <param name="CutOff">
/// The number of subscriptions that this silo has ended by itself since it started, because an observer was slow or
/// unreachable. When it grows, renew the subscriptions to learn whether they are among these.
/// </param>
/// <param name="Positions">For each topic the position of its stream; null if this silo does not publish it.</param>
/// <param name="Version">
/// While it is the same, no position on this silo has changed; 0: not known, because the silo has an older version.
/// </param>
[GenerateSerializer]
[Immutable]
[Alias("presence.silo-check")]
public sealed record SiloCheck(
    [property: Id(0)] long CutOff,
    [property: Id(1)] IReadOnlyList<StreamPosition?> Positions,
    [property: Id(2)] long Version = 0);
