using Orleans.Metadata;
using Presence.Grains.Link;
using Presence.Grains.Unique;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>What one silo keeps: stream queues, leases, subscriptions, the streams that it publishes. Key: the silo's address.</summary>
/// <remarks>
/// Lives on that silo and nowhere else. Called by silos alone: a client, or a silo that is not a node, cannot place it. Clients
/// call <see cref="ITopicPresenceGrain"/> and <see cref="IPresenceLeaseGrain"/>, which forward here.
/// </remarks>
[Alias("Presence.Grains.IPresenceSiloGrain")]
[DefaultGrainType("presence-silo")]
internal interface IPresenceSiloGrain : IGrainWithStringKey
{
    /// <summary>Appends a batch to this silo's queue of the stream <c>presence.deltas</c> with this key.</summary>
    /// <exception cref="InvalidOperationException">The queue is full.</exception>
    [Alias("Enqueue")]
    Task Enqueue(string shardKey, DeltaBatch batch);

    /// <summary>See <see cref="IPresenceLeaseGrain.RenewMany"/>.</summary>
    [Alias("RenewMany")]
    Task<IReadOnlyList<string>> RenewMany(IReadOnlyList<string> leases);

    /// <summary>See <see cref="IPresenceLeaseGrain.End"/>.</summary>
    [Alias("End")]
    Task<bool> End(string lease);

    /// <summary>See <see cref="ITopicPresenceGrain.Update"/>.</summary>
    [Alias("Update")]
    Task<PresenceHandle> Update(PresenceHandle handle, PresenceMeta meta);

    /// <summary>See <see cref="ITopicPresenceGrain.Untrack"/>.</summary>
    [Alias("Untrack")]
    Task<bool> Untrack(PresenceHandle handle);

    /// <summary>See <see cref="IPresenceLeaseGrain.RenewSubscription"/>.</summary>
    [Alias("RenewSubscription")]
    Task<bool> RenewSubscription(string id);

    /// <summary>See <see cref="ITopicPresenceGrain.Unsubscribe"/>.</summary>
    [Alias("Unsubscribe")]
    Task<bool> Unsubscribe(string id);

    /// <summary>See <see cref="ITopicPresenceGrain.Position"/>.</summary>
    /// <exception cref="TopicHomeMovedException">This silo does not publish the topic, or no longer.</exception>
    [Alias("Position")]
    Task<TopicPosition> Position(string topic);

    /// <summary>See <see cref="ITopicPresenceGrain.CatchUp"/>.</summary>
    /// <exception cref="TopicHomeMovedException">This silo does not publish the topic, or no longer.</exception>
    [Alias("CatchUp")]
    Task<TopicChanges> CatchUp(string topic);

    /// <summary>Adds topics whose streams have subscribers.</summary>
    [Alias("AddFollowed")]
    Task AddFollowed(IReadOnlyList<string> topics);

    /// <summary>Removes topics whose streams have no subscribers any more.</summary>
    [Alias("RemoveFollowed")]
    Task RemoveFollowed(IReadOnlyList<string> topics);

    /// <summary>Returns the topics whose streams have subscribers, as far as this silo knows.</summary>
    [Alias("Followed")]
    Task<IReadOnlyList<string>> Followed();

    /// <summary>Returns how this silo's part in a unique process is at this moment; null if it has not added the name.</summary>
    [Alias("UniqueSeatOf")]
    Task<UniqueSeat?> UniqueSeatOf(string name);

    /// <summary>Has this silo's part in a unique process report now, because something has changed. A hint, which may be lost.</summary>
    [Alias("CallUniqueSeat")]
    Task CallUniqueSeat(string name);

    /// <summary>See <see cref="IUniqueDirectoryGrain.List"/>; null if this silo has added no unique process and does not know.</summary>
    [Alias("UniqueProcesses")]
    Task<IReadOnlyList<UniqueProcessStatus>?> UniqueProcesses();
}
