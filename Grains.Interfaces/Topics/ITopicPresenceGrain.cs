using Orleans.Metadata;
using Orleans;
using Orleans.Concurrency;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>Who is present in one topic: the address that grains and Orleans clients call. Key: the topic.</summary>
/// <remarks>
/// <para>Every silo answers from its own picture of the cluster: a read never leaves the silo that the call lands on,
/// survives a partition, and sees a change of another silo as soon as that silo's frames have arrived.</para>
/// <para>What is tracked here lives by a lease in the silo that the call landed on, and ends with it: when the lease is
/// not renewed in time, when it is ended, or when that silo goes. The handle names silo and lease.</para>
/// </remarks>
[Alias("Presence.Grains.ITopicPresenceGrain")]
[DefaultGrainType("presence-topic")]
public interface ITopicPresenceGrain : IGrainWithStringKey
{
    /// <summary>Makes the holder of a lease present in the topic under a key.</summary>
    /// <param name="key">Who is present.</param>
    /// <param name="meta">What it says about itself.</param>
    /// <param name="lease">
    /// An id chosen by the caller, at most 100 characters, that nobody else uses (a GUID); what is tracked by one lease on
    /// one silo ends together. Null: a new lease for this presence alone.
    /// </param>
    /// <returns>The handle; its lease must be renewed through <see cref="IPresenceLeaseGrain"/>.</returns>
    /// <exception cref="AlreadyTrackedException">The lease is already present under the key.</exception>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    /// <exception cref="PresenceOverloadException">The silo cannot take more; nothing was changed, try again later.</exception>
    [Alias("Track")]
    Task<PresenceHandle> Track(string key, PresenceMeta meta = default, string? lease = null);

    /// <summary>Replaces the metadata, on the silo that keeps the presence.</summary>
    /// <returns>The handle with the new <see cref="PresenceHandle.Ref"/>.</returns>
    /// <exception cref="NotTrackedException">The presence or its lease is over: track again.</exception>
    [Alias("Update")]
    Task<PresenceHandle> Update(PresenceHandle handle, PresenceMeta meta);

    /// <summary>Ends one presence, on the silo that keeps it. The lease goes on.</summary>
    /// <returns>False if it was over already.</returns>
    [Alias("Untrack")]
    Task<bool> Untrack(PresenceHandle handle);

    /// <summary>Everybody who is present.</summary>
    [ReadOnly]
    [Alias("List")]
    Task<TopicList> List();

    /// <summary>The presences under one key; empty if there are none.</summary>
    [ReadOnly]
    [Alias("GetByKey")]
    Task<IReadOnlyList<PresenceEntry>> GetByKey(string key);

    /// <summary>Number of presences.</summary>
    [ReadOnly]
    [Alias("Count")]
    Task<int> Count();

    /// <summary>Number of distinct keys.</summary>
    [ReadOnly]
    [Alias("KeyCount")]
    Task<int> KeyCount();

    /// <summary>The presences of up to <paramref name="limit"/> keys after <paramref name="after"/>, in key order.</summary>
    /// <param name="after">The last key of the previous page, or null.</param>
    /// <param name="limit">At least 1, at most 10,000.</param>
    [ReadOnly]
    [Alias("Page")]
    Task<TopicList> Page(string? after, int limit);

    /// <summary>Tells an observer every change from the returned snapshot on, without a gap, in order.</summary>
    /// <remarks>
    /// The subscription is kept by the silo that this call lands on. Renew it with
    /// <see cref="IPresenceLeaseGrain.RenewSubscription"/>; when that fails or returns false, subscribe again.
    /// </remarks>
    /// <exception cref="PresenceOverloadException">The silo keeps as many subscriptions as it may.</exception>
    [Alias("Subscribe")]
    Task<PresenceSubscription> Subscribe(IPresenceObserver observer);

    /// <summary>Ends a subscription.</summary>
    /// <returns>False if it was over already.</returns>
    [Alias("Unsubscribe")]
    Task<bool> Unsubscribe(PresenceSubscription subscription);

    /// <summary>How far the topic's stream has come, as its home silo says.</summary>
    /// <remarks>
    /// A subscriber that has heard less, and hears nothing for a while, has missed something: <see cref="CatchUp"/>.
    /// Who asks at least once a minute keeps the topic's stream published even without a subscription.
    /// </remarks>
    /// <exception cref="TopicHomeMovedException">The home is just changing: ask again.</exception>
    [Alias("Position")]
    Task<TopicPosition> Position();

    /// <summary>
    /// A reset from the topic's home silo for the caller alone: the stream's later events continue it, and some of the next
    /// may be contained in it already.
    /// </summary>
    /// <exception cref="TopicHomeMovedException">The home is just changing: ask again.</exception>
    [Alias("CatchUp")]
    Task<TopicChanges> CatchUp();

    /// <summary>Prepares a subscription to the topic's stream. The stream provider <c>presence</c> calls it.</summary>
    [Alias("PrepareStream")]
    Task PrepareStream();

    /// <summary>
    /// Has the topic's stream published, because it has a subscriber. The stream provider <c>presence</c> calls it. A stream that
    /// has had no subscribers for two minutes is no longer published.
    /// </summary>
    /// <exception cref="TopicHomeMovedException">The publisher is just changing: subscribe again.</exception>
    /// <exception cref="PresenceOverloadException">As many topics have subscribers as may.</exception>
    [Alias("FollowStream")]
    Task FollowStream();
}
