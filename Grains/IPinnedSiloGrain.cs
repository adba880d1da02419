using Orleans.Metadata;
using Presence.Grains.Transport;
using Presence.Grains.Unique;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>Access to one silo's queue, leases, subscriptions, published streams and seats. Key: its address.</summary>
/// <remarks>
/// Pinned to that silo. Only nodes can call it: clients and other silos cannot place it. Clients call
/// <see cref="ITopicPresenceGrain"/> and <see cref="IPresenceSiloGrain"/>, which forward here.
/// </remarks>
[Alias("Presence.Grains.IPinnedSiloGrain")]
[DefaultGrainType("presence-pinned-silo")]
internal interface IPinnedSiloGrain : IGrainWithStringKey
{
    /// <summary>Appends a batch to this silo's queue of the stream <c>presence.deltas</c> with this key.</summary>
    /// <exception cref="InvalidOperationException">The queue is full.</exception>
    [Alias("Enqueue")]
    Task Enqueue(string shardKey, DeltaBatch batch);

    /// <summary>See <see cref="IPresenceSiloGrain.RenewMany"/>.</summary>
    [Alias("RenewMany")]
    Task<IReadOnlyList<string>> RenewMany(IReadOnlyList<string> leases);

    /// <summary>See <see cref="IPresenceSiloGrain.End"/>.</summary>
    [Alias("End")]
    Task<bool> End(string lease);

    /// <summary>See <see cref="ITopicPresenceGrain.EndLeases"/>; of this silo alone.</summary>
    [Alias("EndLeases")]
    Task<int> EndLeases(IReadOnlyList<string> all);

    /// <summary>See <see cref="ITopicPresenceGrain.Update"/>.</summary>
    [Alias("Update")]
    Task<PresenceHandle> Update(PresenceHandle handle, PresenceMeta meta);

    /// <summary>See <see cref="ITopicPresenceGrain.Untrack"/>.</summary>
    [Alias("Untrack")]
    Task<bool> Untrack(PresenceHandle handle);

    /// <summary>See <see cref="IPresenceSiloGrain.RenewSubscriptions"/>.</summary>
    [Alias("RenewSubscriptions")]
    Task<IReadOnlyList<string>> RenewSubscriptions(IReadOnlyList<string> ids);

    /// <summary>See <see cref="IPresenceSiloGrain.Check"/>.</summary>
    [Alias("Check")]
    Task<SiloCheck> Check(IReadOnlyList<string> topics);

    /// <summary>See <see cref="IPresenceSiloGrain.GetPage"/>.</summary>
    [Alias("GetPage")]
    Task<TopicList?> GetPage(string list, int page);

    /// <summary>See <see cref="ITopicPresenceGrain.Unsubscribe"/>.</summary>
    [Alias("Unsubscribe")]
    Task<bool> Unsubscribe(string id);

    /// <summary>See <see cref="ITopicPresenceGrain.GetStreamPosition"/>.</summary>
    /// <exception cref="TopicPublisherMovedException">This silo does not publish the topic.</exception>
    [Alias("GetStreamPosition")]
    Task<StreamPosition> Position(string topic);

    /// <summary>See <see cref="ITopicPresenceGrain.GetSnapshot"/>.</summary>
    /// <exception cref="TopicPublisherMovedException">This silo does not publish the topic.</exception>
    [Alias("GetSnapshot")]
    Task<TopicChanges> CatchUp(string topic, string? cursor = null);

    /// <summary>Adds topics whose streams have subscribers.</summary>
    [Alias("AddFollowed")]
    Task AddFollowed(IReadOnlyList<string> topics);

    /// <summary>Removes topics whose streams no longer have subscribers.</summary>
    [Alias("RemoveFollowed")]
    Task RemoveFollowed(IReadOnlyList<string> topics);

    /// <summary>Returns the topics whose streams have subscribers, as far as this silo knows.</summary>
    [Alias("Followed")]
    Task<IReadOnlyList<string>> Followed();

    /// <summary>Returns this silo's seat in a unique process; null if it has not added the name.</summary>
    [Alias("UniqueSeatOf")]
    Task<UniqueSeat?> UniqueSeatOf(string name);

    /// <summary>Notifies this silo's seat in a unique process of a change, so that it reports. May be lost.</summary>
    [Alias("CallUniqueSeat")]
    Task CallUniqueSeat(string name);

    /// <summary>See <see cref="IUniqueDirectoryGrain.List"/>; null if this silo has added no unique process.</summary>
    [Alias("UniqueProcesses")]
    Task<IReadOnlyList<UniqueProcessStatus>?> UniqueProcesses();
}
