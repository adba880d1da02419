using Orleans.Metadata;
using Orleans;
using Orleans.Concurrency;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>Tracks and lists the presences of one topic, for grains and Orleans clients. Key: the topic.</summary>
/// <remarks>
/// <para>The silo that receives a call answers it from its own replica: a read involves no other silo, works during a
/// network partition, and includes a change of another silo as soon as that silo's frames have arrived.</para>
/// <para>A presence that is tracked here belongs to a lease on the silo that received the call. It ends when the lease
/// expires or is ended, or when that silo stops or fails. The handle names silo and lease.</para>
/// </remarks>
[Alias("Presence.Grains.ITopicPresenceGrain")]
[DefaultGrainType("presence-topic")]
public interface ITopicPresenceGrain : IGrainWithStringKey
{
    /// <summary>Makes the holder of a lease present in the topic under a key.</summary>
    /// <param name="key">The key, for example a user's id.</param>
    /// <param name="meta">The metadata.</param>
    /// <param name="lease">
    /// An id chosen by the caller, at most 100 characters, that nobody else uses (a GUID). All presences under one
    /// lease on one silo end together. Null: a new lease for this presence alone.
    /// </param>
    /// <returns>The handle; its lease must be renewed through <see cref="IPresenceSiloGrain"/>.</returns>
    /// <exception cref="AlreadyTrackedException">The lease is already present under the key.</exception>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    /// <exception cref="PresenceOverloadException">The silo is at a limit. Nothing changed; retry later.</exception>
    [Alias("Track")]
    Task<PresenceHandle> Track(string key, PresenceMeta meta = default, string? lease = null);

    /// <summary>
    /// Makes the caller present many times in one call, in any topics, each under a lease of its own: all or none.
    /// </summary>
    /// <param name="requests">At most 1,000 presences. The topic of this grain does not matter.</param>
    /// <param name="leases">As many ids of leases that were not used before.</param>
    /// <returns>The handles, in the order of the requests.</returns>
    /// <exception cref="ArgumentException">The numbers do not fit, or a lease is in use.</exception>
    /// <inheritdoc cref="Track" path="/exception[contains(@cref, 'Limit') or contains(@cref, 'Overload')]"/>
    [Alias("TrackMany")]
    Task<IReadOnlyList<PresenceHandle>> TrackMany(IReadOnlyList<TrackRequest> requests, IReadOnlyList<string> leases);

    /// <summary>
    /// Continues a presence whose silo was lost, under a new lease on the silo that receives the call. Within its grace
    /// nobody sees a leave and a join; later, or if it is over, this is the same as <see cref="Track"/>.
    /// </summary>
    /// <param name="lost">The last handle; its <see cref="PresenceHandle.Token"/> may be null.</param>
    /// <param name="meta">The metadata from now on.</param>
    /// <param name="lease">An id of a lease that was not used before.</param>
    /// <returns>The new handle.</returns>
    /// <inheritdoc cref="Track" path="/exception"/>
    [Alias("Resume")]
    Task<PresenceHandle> Resume(PresenceHandle lost, PresenceMeta meta, string lease);

    /// <summary>Replaces the metadata, on the silo that keeps the presence.</summary>
    /// <returns>The handle with the new <see cref="PresenceHandle.Ref"/>.</returns>
    /// <exception cref="NotTrackedException">The presence or its lease has ended: track again.</exception>
    [Alias("Update")]
    Task<PresenceHandle> Update(PresenceHandle handle, PresenceMeta meta);

    /// <summary>Ends one presence, on the silo that keeps it. The lease continues.</summary>
    /// <returns>False if it had already ended.</returns>
    [Alias("Untrack")]
    Task<bool> Untrack(PresenceHandle handle);

    /// <summary>
    /// Ends leases and subscriptions on all silos, whichever have them: after a call of <see cref="Track"/> or
    /// <see cref="Subscribe"/> that was not answered, and that may have been executed or be executed later. The topic
    /// of this grain does not matter.
    /// </summary>
    /// <param name="leases">At most 1,000 ids of leases and subscriptions. None of them can begin for a minute.</param>
    /// <returns>The number of leases and subscriptions that ended.</returns>
    /// <exception cref="ArgumentException">There are too many ids, or one is empty or too long.</exception>
    /// <exception cref="TimeoutException">A silo did not answer: repeat the call.</exception>
    [Alias("EndLeases")]
    Task<int> EndLeases(IReadOnlyList<string> leases);

    /// <summary>Returns all presences in one message; use <see cref="Page"/> for more than some 10,000.</summary>
    /// <exception cref="CountsOnlyTopicException">The topic has no list.</exception>
    [ReadOnly]
    [Alias("List")]
    Task<TopicList> List();

    /// <summary>Returns the presences under one key; empty if there are none.</summary>
    /// <exception cref="CountsOnlyTopicException">The topic has no list.</exception>
    [ReadOnly]
    [Alias("GetByKey")]
    Task<IReadOnlyList<PresenceEntry>> GetByKey(string key);

    /// <summary>Returns the number of presences.</summary>
    [ReadOnly]
    [Alias("Count")]
    Task<int> Count();

    /// <summary>Returns the number of distinct keys.</summary>
    [ReadOnly]
    [Alias("KeyCount")]
    Task<int> KeyCount();

    /// <summary>Returns the topics in which the key of this call is present, in ordinal order.</summary>
    /// <param name="key">The key. The topic of this grain does not matter.</param>
    [ReadOnly]
    [Alias("TopicsOf")]
    Task<IReadOnlyList<string>> TopicsOf(string key);

    /// <summary>
    /// Ends all presences of a key in the topic, whichever sessions and silos own them, with reason <c>Evicted</c>.
    /// </summary>
    /// <returns>The number of presences that ended.</returns>
    /// <exception cref="TimeoutException">A silo did not answer for 10 s: its presences remain.</exception>
    [Alias("Evict")]
    Task<int> Evict(string key);

    /// <summary>Ends all presences of a key in all topics. The topic of this grain does not matter.</summary>
    /// <inheritdoc cref="Evict" path="/returns"/>
    /// <inheritdoc cref="Evict" path="/exception"/>
    [Alias("EvictKey")]
    Task<int> EvictKey(string key);

    /// <summary>Sends a message to all sessions that are present in the topic under a key: at most once each.</summary>
    /// <param name="key">The key.</param>
    /// <param name="name">The event; 1 to 255 bytes of UTF-8.</param>
    /// <param name="json">One JSON value as UTF-8.</param>
    /// <exception cref="ArgumentException">The message is no JSON value, or too large.</exception>
    [Alias("Send")]
    Task<SendToKeyResult> Send(string key, string name, ReadOnlyMemory<byte> json);

    /// <summary>Sends a message to all sessions of a key in all topics, whatever the topic of this grain.</summary>
    /// <inheritdoc cref="Send"/>
    [Alias("SendToKey")]
    Task<SendToKeyResult> SendToKey(string key, string name, ReadOnlyMemory<byte> json);

    /// <summary>Returns how much of the changes of other nodes this silo's answers contain.</summary>
    [ReadOnly]
    [Alias("Freshness")]
    Task<IReadOnlyList<NodeFreshness>> Freshness();

    /// <summary>Returns the presences of up to <paramref name="limit"/> keys after one key, in key order.</summary>
    /// <param name="after">The last key of the previous page; null for the first page.</param>
    /// <param name="limit">At least 1, at most 10,000.</param>
    [ReadOnly]
    [Alias("Page")]
    Task<TopicList> Page(string? after, int limit);

    /// <summary>Subscribes an observer to every change after the returned snapshot, without a gap, in order.</summary>
    /// <param name="observer">The observer.</param>
    /// <param name="id">
    /// An id chosen by the caller, at most 100 characters, that nobody else uses (a GUID), so that a call without an
    /// answer can be ended (<see cref="EndLeases"/>) or repeated: a new subscription replaces the earlier one. Null:
    /// the silo chooses it.
    /// </param>
    /// <param name="cursor">
    /// A digest of the presences that the caller has, which <see cref="IPresenceClient"/> computes: the answer has only
    /// what it has missed, if the silo remembers that. Null: the answer has all presences.
    /// </param>
    /// <remarks>
    /// The silo that receives this call keeps the subscription. Renew it with
    /// <see cref="IPresenceSiloGrain.RenewSubscription"/>; when that fails or returns false, subscribe again. The
    /// snapshot has at most 5,000 presences; see <see cref="TopicList.Rest"/>.
    /// </remarks>
    /// <exception cref="PresenceOverloadException">The silo has reached <c>MaxObservers</c> subscriptions.</exception>
    [Alias("Subscribe")]
    Task<PresenceSubscription> Subscribe(IPresenceObserver observer, string? id = null, string? cursor = null);

    /// <summary>
    /// Subscribes an observer to a part of the topic, as <see cref="Subscribe"/> does for all of it: the snapshot and
    /// the changes contain what is in the view only.
    /// </summary>
    /// <param name="observer">The observer.</param>
    /// <param name="view">The view. Equal views share their work on each silo.</param>
    /// <param name="id">See <see cref="Subscribe"/>.</param>
    /// <exception cref="PresenceViewException">
    /// The view is malformed, or filters by a field that the silo has not declared for the topic
    /// (<see cref="TrackerOptions.AddIndex"/>).
    /// </exception>
    /// <exception cref="PresenceOverloadException">
    /// The silo has reached <c>MaxObservers</c> subscriptions, or the topic too many different views on it
    /// (<see cref="TrackerOptions.MaxViewsPerTopic"/>).
    /// </exception>
    [Alias("SubscribeView")]
    Task<PresenceSubscription> SubscribeView(IPresenceObserver observer, PresenceView view, string? id = null);

    /// <summary>Ends a subscription. A call of its observer that is under way still arrives.</summary>
    /// <returns>False if it had already ended.</returns>
    [Alias("Unsubscribe")]
    Task<bool> Unsubscribe(PresenceSubscription subscription);

    /// <summary>Returns the position of the topic's stream, as reported by the publisher silo.</summary>
    /// <remarks>
    /// A subscriber that stays behind this position has lost an event: call <see cref="GetSnapshot"/>. A call at least
    /// once a minute keeps the topic's stream published without a subscription.
    /// </remarks>
    /// <exception cref="TopicPublisherMovedException">The publisher silo is changing: retry.</exception>
    [Alias("GetStreamPosition")]
    Task<StreamPosition> GetStreamPosition();

    /// <summary>
    /// Returns a reset from the topic's publisher silo, for the caller alone. The stream's later events continue it;
    /// the next few may already be contained in it.
    /// </summary>
    /// <param name="cursor">See <see cref="Subscribe"/> and <see cref="TopicChanges.SinceCursor"/>.</param>
    /// <exception cref="TopicPublisherMovedException">The publisher silo is changing: retry.</exception>
    [Alias("GetSnapshot")]
    Task<TopicChanges> GetSnapshot(string? cursor = null);

    /// <summary>Prepares a subscription to the topic's stream. Called by the stream provider <c>presence</c>.</summary>
    [Alias("PrepareStream")]
    Task PrepareStream();

    /// <summary>
    /// Starts publishing the topic's stream. Called by the stream provider <c>presence</c> for each subscriber.
    /// Publishing stops after two minutes without subscribers.
    /// </summary>
    /// <exception cref="TopicPublisherMovedException">The publisher silo is changing: subscribe again.</exception>
    /// <exception cref="PresenceOverloadException"><c>MaxFollowedTopics</c> topics have subscribers.</exception>
    [Alias("FollowStream")]
    Task FollowStream();
}
