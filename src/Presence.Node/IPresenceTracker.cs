using Presence.Node.CountsOnly;
using Presence.Node.KeyWatching;
using Presence.Node.Shards;
using Presence.Tracker;
using Presence.Tracker.Counts;
using Presence.Tracker.Cursors;
using Presence.Tracker.Shard;

namespace Presence.Node;

/// <summary>A named tracker on one node: the presences of every topic in the whole cluster.</summary>
/// <remarks>
/// <para>Reads run on the caller's thread, on immutable snapshots: they take no lock, never wait, and see every change
/// that this node has applied. Two topics may be seen at slightly different moments.</para>
/// <para>Writes are applied in order per shard and are visible to reads when the call completes. They complete
/// synchronously when the shard is idle. Only presences of local sessions can be changed here. A token is read before a
/// command begins: it then fails with <see cref="OperationCanceledException"/>, and nothing was changed.</para>
/// <para>A topic or key with an unpaired surrogate has no form in UTF-8; every call with one throws
/// <see cref="ArgumentException"/>.</para>
/// </remarks>
public interface IPresenceTracker
{
    /// <summary>Gets the name of the tracker, equal on all nodes. Trackers share nothing.</summary>
    string Name { get; }

    /// <summary>Tracks a presence of <paramref name="session"/> until it is untracked or the session ends.</summary>
    /// <returns>The entry, with its <see cref="PresenceEntry.Ref"/>.</returns>
    /// <remarks>Tracking a session that has ended yields a join followed at once by a leave.</remarks>
    /// <exception cref="AlreadyTrackedException">The session is tracked there already.</exception>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    /// <exception cref="PresenceOverloadException">The shard's mailbox is full; nothing was changed, retry.</exception>
    /// <example>
    /// <code>
    /// using var session = node.OpenSession();
    /// await node.Tracker.TrackAsync(session, "lobby", "ann");
    /// foreach (var presence in node.Tracker.List("lobby"))
    /// {
    ///     Console.WriteLine(presence.Key);
    /// }
    /// </code>
    /// </example>
    ValueTask<PresenceEntry> TrackAsync(
        PresenceSession session,
        string topic,
        string key,
        PresenceMeta meta = default,
        CancellationToken cancellation = default);

    /// <summary>Tracks many presences, in one diff per shard: all of them or none.</summary>
    /// <remarks>
    /// If they span several shards, the calling thread locks all of these meanwhile. Readers may see the part of one
    /// shard a moment before that of another.
    /// </remarks>
    /// <exception cref="AlreadyTrackedException">A presence is tracked already, or is listed twice.</exception>
    ValueTask<IReadOnlyList<PresenceEntry>> TrackManyAsync(
        PresenceSession session, IReadOnlyList<TrackRequest> requests, CancellationToken cancellation = default);

    /// <summary>Replaces the metadata of a presence.</summary>
    /// <exception cref="NotTrackedException">The session is not tracked there.</exception>
    ValueTask<PresenceEntry> UpdateAsync(
        PresenceSession session, string topic, string key, PresenceMeta meta, CancellationToken cancellation = default);

    /// <summary>Replaces the metadata of a presence with a function of its current entry.</summary>
    /// <exception cref="NotTrackedException">The session is not tracked there.</exception>
    /// <remarks>
    /// The function runs with no lock held, and again if the entry was updated meanwhile: keep it free of side effects.
    /// Its exception fails this call only. Later writes of the caller must await this call, or may overtake it.
    /// </remarks>
    ValueTask<PresenceEntry> UpdateAsync(
        PresenceSession session,
        string topic,
        string key,
        Func<PresenceEntry, PresenceMeta> update,
        CancellationToken cancellation = default);

    /// <summary>Replaces the metadata of many presences, in one diff per shard: all of them or none.</summary>
    /// <exception cref="NotTrackedException">A presence is not tracked.</exception>
    ValueTask<IReadOnlyList<PresenceEntry>> UpdateManyAsync(
        PresenceSession session, IReadOnlyList<TrackRequest> requests, CancellationToken cancellation = default);

    /// <summary>Ends one presence.</summary>
    /// <returns>False if it was not tracked.</returns>
    ValueTask<bool> UntrackAsync(
        PresenceSession session, string topic, string key, CancellationToken cancellation = default);

    /// <summary>Ends all presences of the session in this tracker, in one diff per shard; the session stays.</summary>
    /// <returns>The number of presences that ended.</returns>
    /// <exception cref="PresenceOverloadException">
    /// The mailbox of a shard is full: its presences remain, the others have ended. Call again, or end the session,
    /// which is never rejected.
    /// </exception>
    ValueTask<int> UntrackAllAsync(PresenceSession session, CancellationToken cancellation = default);

    /// <summary>
    /// Ends all presences of a key in a topic, whichever sessions and nodes own them, at once and with
    /// <see cref="LeaveReason.Evicted"/>. Completes when this node no longer lists them.
    /// </summary>
    /// <remarks>The sessions stay and may track again: reject that where it matters.</remarks>
    /// <returns>The number of presences that ended.</returns>
    /// <exception cref="TimeoutException">
    /// A node did not answer for 10 s: its presences remain. The others have ended.
    /// </exception>
    /// <exception cref="CountsOnlyTopicException">The topic has no list.</exception>
    Task<int> EvictAsync(string topic, string key, CancellationToken cancellation = default) =>
        throw new NotSupportedException("This tracker cannot evict.");

    /// <summary>
    /// Ends all presences of a key in all topics, except counts-only ones, as <see cref="EvictAsync"/> does.
    /// </summary>
    /// <inheritdoc cref="EvictAsync" path="/returns"/>
    /// <inheritdoc cref="EvictAsync" path="/exception"/>
    Task<int> EvictKeyAsync(string key, CancellationToken cancellation = default) =>
        throw new NotSupportedException("This tracker cannot evict.");

    /// <summary>
    /// Sends a message to all sessions that are present in a topic under a key, on all nodes: at most once each. A
    /// channel pushes it to its client; other sessions receive it by <see cref="PresenceSessionOptions.OnMessage"/>.
    /// </summary>
    /// <returns>Whether the key is present and a session accepted the message.</returns>
    /// <exception cref="ArgumentException">The message is larger than <c>Presence:MaxMessageBytes</c>.</exception>
    /// <exception cref="CountsOnlyTopicException">The topic has no list.</exception>
    Task<SendToKeyResult> SendAsync(
        string topic, string key, SessionMessage message, CancellationToken cancellation = default) =>
        throw new NotSupportedException("This tracker cannot send.");

    /// <summary>
    /// Sends a message to all sessions that are present in any topic, except counts-only ones, under a key.
    /// </summary>
    /// <inheritdoc cref="SendAsync" path="/returns"/>
    /// <inheritdoc cref="SendAsync" path="/exception"/>
    /// <example>
    /// <code>
    /// if (await node.Tracker.SendToKeyAsync("ann", SessionMessage.From("mention", new { by = "bob" }))
    ///     == SendToKeyResult.NotPresent)
    /// {
    ///     Console.WriteLine("ann is away: send a mail instead");
    /// }
    /// </code>
    /// </example>
    Task<SendToKeyResult> SendToKeyAsync(
        string key, SessionMessage message, CancellationToken cancellation = default) =>
        throw new NotSupportedException("This tracker cannot send.");

    /// <summary>Returns the presences of a topic.</summary>
    /// <exception cref="CountsOnlyTopicException">The topic has no list.</exception>
    TopicSnapshot List(string topic);

    /// <summary>Returns the presences under one key of the topic; empty if there are none.</summary>
    /// <exception cref="CountsOnlyTopicException">The topic has no list.</exception>
    IReadOnlyList<PresenceEntry> GetByKey(string topic, string key);

    /// <summary>
    /// Returns the presences of the next keys of a topic, in key order. Reads the list of this node; of a counts-only
    /// topic the nodes that have presences are queried, which takes a round trip, at most 2 s.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="after">The last key of the page before, or null for the first page.</param>
    /// <param name="limit">
    /// Maximum number of keys, at least 1; of a counts-only topic at most 10,000. A page of large metadata has fewer
    /// keys, and is the last only if <see cref="PresencePage.Next"/> is null.
    /// </param>
    /// <param name="cancellation">Ends the wait for the other nodes.</param>
    /// <exception cref="TimeoutException">
    /// A node that has presences of a counts-only topic did not answer; retry. One that has crashed is queried until
    /// its presences are no longer counted.
    /// </exception>
    /// <exception cref="PresenceLimitException">Topic or key is too large.</exception>
    /// <example>
    /// <code>
    /// string? after = null;
    /// do
    /// {
    ///     var page = await node.Tracker.PageAsync("live:1", after, 100);
    ///     foreach (var presence in page.Entries)
    ///     {
    ///         Console.WriteLine(presence.Key);
    ///     }
    ///
    ///     after = page.Next;
    /// }
    /// while (after is not null);
    /// </code>
    /// </example>
    Task<PresencePage> PageAsync(
        string topic, string? after, int limit, CancellationToken cancellation = default) =>
        Task.FromResult(List(topic).Page(after, limit));

    /// <summary>
    /// Returns the number of presences in the topic, in constant time. Of a counts-only topic, the presences of the
    /// other nodes are counted as these have last reported them.
    /// </summary>
    int Count(string topic);

    /// <summary>
    /// Returns the number of distinct keys in the topic, in constant time. Of a counts-only topic with presences on
    /// several nodes it is an estimate, with a standard error of 0.8 %.
    /// </summary>
    int KeyCount(string topic);

    /// <summary>Returns the topics that have presences, in ordinal order.</summary>
    /// <param name="after">The last topic of the previous page, or null.</param>
    /// <param name="limit">Size of the page.</param>
    IReadOnlyList<TopicCount> Topics(string? after, int limit);

    /// <summary>
    /// Returns the topics in which the key is present, in ordinal order; counts-only topics are not among them.
    /// </summary>
    IReadOnlyList<string> TopicsOf(string key);

    /// <summary>
    /// Calls a handler with every change of the tracker from now on, except those of counts-only topics. Dispose the
    /// result to stop.
    /// </summary>
    ValueTask<IAsyncDisposable> AddHandlerAsync(IPresenceHandler handler, CancellationToken cancellation = default);

    /// <summary>Delivers the changes of one topic after the returned snapshot, in order and exactly once.</summary>
    /// <remarks>
    /// <para>The callback runs on the thread pool, one call at a time and with no lock held, so it may call anything;
    /// the first call may precede the return of this method. It should only enqueue: while it runs, the other
    /// subscribers of the same shard on this node wait. Its exceptions are logged and swallowed.</para>
    /// <para>When <c>Presence:HandlerQueueCapacity</c> diffs wait for the subscribers of a shard, later ones are
    /// coalesced to one diff with their net effect per subscriber (counter <c>presence.handler.coalesced</c>).</para>
    /// </remarks>
    /// <exception cref="CountsOnlyTopicException">The topic has no list.</exception>
    TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff);

    /// <summary>
    /// Delivers the changes of a part of a topic, as <see cref="Subscribe(string, Action{TopicDiff})"/> does for all of
    /// it. The snapshot and each diff contain what is in the view only.
    /// </summary>
    /// <remarks>Equal views share their work, which does not depend on the size of the topic.</remarks>
    /// <exception cref="PresenceViewException">
    /// The view is malformed, or filters by a field that is not declared for the topic
    /// (<see cref="TrackerOptions.AddIndex"/>).
    /// </exception>
    /// <exception cref="PresenceOverloadException">
    /// The topic has too many different views on this node (<see cref="TrackerOptions.MaxViewsPerTopic"/>).
    /// </exception>
    TopicSubscription Subscribe(string topic, PresenceView view, Action<TopicDiff> onDiff) =>
        throw new NotSupportedException("This tracker has no views.");

    /// <summary>Returns the topic as <see cref="List"/> does, with the clock of every replica at that moment.</summary>
    internal TopicSnapshotView ViewOf(string topic) => new(VersionVector.Empty, List(topic));

    /// <exception cref="PresenceViewException">Subscribing with the view would be rejected.</exception>
    internal void Check(PresenceView view, string topic) => view.Check();

    /// <summary>Returns when the topic is sent as counts; null: never.</summary>
    internal AdaptiveMode? AdaptiveOf(string topic) => null;

    /// <summary>Returns <see cref="Count"/> and <see cref="KeyCount"/> of one moment.</summary>
    internal TopicCount CountOf(string topic) => new(topic, Count(topic), KeyCount(topic));

    /// <summary>Gets the counts-only topics; null if there can be none.</summary>
    internal CountsOnlyTopics? CountsOnly => null;

    /// <summary>
    /// Subscribes a queue: it is called in order with the shard locked, and must only enqueue. It may be called for a
    /// moment after the disposal.
    /// </summary>
    internal TopicSubscription Follow(string topic, Action<TopicDiff> enqueue) => Subscribe(topic, enqueue);

    /// <summary>Remembers the last changes from now on, so that readers can resume with a cursor.</summary>
    internal void KeepHistory()
    {
    }

    /// <summary>Completes when subscribers have been called with every change made so far.</summary>
    internal Task DeliveredAsync() => Task.CompletedTask;

    /// <summary>Gets the watches of keys; null if the tracker supports none.</summary>
    internal KeyWatches? KeyWatches => null;

    /// <summary>Returns the number, from 0, of the shard that serves a topic (see <see cref="Replicas"/>).</summary>
    int ShardOf(string topic) => 0;

    /// <summary>Returns this node's view of the other replicas of this tracker: status, clock and lag.</summary>
    IReadOnlyList<ReplicaStatus> Replicas();
}

/// <summary>A subscription to one topic: the state at its start, then diffs.</summary>
public sealed class TopicSubscription : IDisposable
{
    private Action? _unsubscribe;

    /// <summary>Creates a subscription; for implementations of <see cref="IPresenceTracker"/>.</summary>
    public TopicSubscription(TopicSnapshot snapshot, Action unsubscribe)
        : this(new TopicSnapshotView(VersionVector.Empty, snapshot), 0, unsubscribe)
    {
    }

    internal TopicSubscription(TopicSnapshotView view, long version, Action unsubscribe)
    {
        View = view;
        Version = version;
        _unsubscribe = unsubscribe;
    }

    /// <summary>Gets the topic at the start of the subscription; every later change is in a diff.</summary>
    public TopicSnapshot Snapshot => View.Snapshot;

    /// <summary>Gets the position of the snapshot; each <see cref="TopicDiff.Version"/> is greater.</summary>
    public long Version { get; }

    /// <summary>Gets the snapshot with the clock of every replica at that moment.</summary>
    internal TopicSnapshotView View { get; }

    /// <summary>Gets the last changes of the topic's shard; null if they are not kept.</summary>
    internal ChangeHistory? History { get; init; }

    /// <summary>
    /// Returns what the holder of a cursor has missed; null if this node does not remember enough.
    /// </summary>
    /// <param name="cursor">What the holder has.</param>
    /// <param name="current">The picture after the diff of the next parameter.</param>
    /// <param name="version">The version of the last received diff, or of this subscription.</param>
    internal IReadOnlyList<PresenceChange>? Missed(TopicCursor cursor, TopicDigest current, long version) =>
        CursorDifference.Since(cursor, current, History?.Of(Snapshot.Topic, version) ?? []);

    /// <summary>Stops the diffs: no further call of the callback begins. Never throws and never waits.</summary>
    /// <remarks>A call that is running continues. May be called inside the callback.</remarks>
    public void Dispose() => Interlocked.Exchange(ref _unsubscribe, null)?.Invoke();
}

/// <summary>A shard's mailbox is full; nothing was changed.</summary>
public sealed class PresenceOverloadException(string message) : InvalidOperationException(message);
