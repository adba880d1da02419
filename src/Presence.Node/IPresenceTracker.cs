using Presence.Tracker;

namespace Presence.Node;

/// <summary>A named tracker as seen on one member: who is present in which topic, on the whole cluster.</summary>
/// <remarks>
/// <para>Reads are served on the caller's thread from immutable snapshots: they take no lock, wait for nobody and see every
/// change this member has applied. Different topics may be seen at slightly different moments.</para>
/// <para>Writes are applied in order per shard and are visible to reads when the call completes. They complete
/// synchronously when the shard is idle. Only presences of this member's own processes can be changed here.</para>
/// </remarks>
public interface IPresenceTracker
{
    /// <summary>Name of the tracker, equal on all members. Trackers do not see each other.</summary>
    string Name { get; }

    /// <summary>Makes <paramref name="process"/> present in a topic under a key until it ends or is untracked.</summary>
    /// <returns>The entry, with its <see cref="PresenceEntry.Ref"/>.</returns>
    /// <remarks>Tracking a process that has ended yields a join and at once a leave.</remarks>
    /// <exception cref="AlreadyTrackedException">The process is already there.</exception>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    /// <exception cref="PresenceOverloadException">The shard's mailbox is full; nothing was changed, try again later.</exception>
    ValueTask<PresenceEntry> TrackAsync(PresenceProcess process, string topic, string key, PresenceMeta meta = default);

    /// <summary>Tracks many, in one diff per shard. Nothing is tracked if one of them cannot be.</summary>
    /// <remarks>
    /// Over several shards the calling thread holds them all meanwhile; readers may see one shard's part a moment before
    /// another's.
    /// </remarks>
    /// <exception cref="AlreadyTrackedException">One of them is already there, or named twice.</exception>
    ValueTask<IReadOnlyList<PresenceEntry>> TrackManyAsync(PresenceProcess process, IReadOnlyList<TrackRequest> requests);

    /// <summary>Replaces the metadata.</summary>
    /// <exception cref="NotTrackedException">The process is not there.</exception>
    ValueTask<PresenceEntry> UpdateAsync(PresenceProcess process, string topic, string key, PresenceMeta meta);

    /// <summary>Replaces the metadata by a function of the entry as it is.</summary>
    /// <exception cref="NotTrackedException">The process is not there.</exception>
    /// <remarks>
    /// The function runs with no lock held, and runs again if the entry was updated meanwhile: keep it free of side effects. Its exception
    /// fails this call and nothing else. Writes of this caller that follow wait for this call to complete, or may overtake it.
    /// </remarks>
    ValueTask<PresenceEntry> UpdateAsync(
        PresenceProcess process,
        string topic,
        string key,
        Func<PresenceEntry, PresenceMeta> update);

    /// <summary>Replaces the metadata of many, in one diff per shard. Nothing is changed if one of them is not there.</summary>
    /// <exception cref="NotTrackedException">One of them is not there.</exception>
    ValueTask<IReadOnlyList<PresenceEntry>> UpdateManyAsync(PresenceProcess process, IReadOnlyList<TrackRequest> requests);

    /// <summary>Ends one presence.</summary>
    /// <returns>False if it was not there.</returns>
    ValueTask<bool> UntrackAsync(PresenceProcess process, string topic, string key);

    /// <summary>Ends all presences of the process in this tracker, in one diff per shard. The process goes on.</summary>
    /// <returns>How many there were.</returns>
    /// <exception cref="PresenceOverloadException">
    /// A shard's mailbox is full: what it holds remains, the rest has ended. Call again, or end the process, which is
    /// never refused.
    /// </exception>
    ValueTask<int> UntrackAllAsync(PresenceProcess process);

    /// <summary>Who is present in the topic.</summary>
    TopicSnapshot List(string topic);

    /// <summary>The presences under one key of the topic; empty if there are none.</summary>
    IReadOnlyList<PresenceEntry> GetByKey(string topic, string key);

    /// <summary>Presences in the topic. Costs a lookup and a field read.</summary>
    int Count(string topic);

    /// <summary>Distinct keys in the topic. Costs a lookup and a field read.</summary>
    int KeyCount(string topic);

    /// <summary>The topics in which somebody is present, in topic order (ordinal).</summary>
    /// <param name="after">The last topic of the previous page, or null.</param>
    /// <param name="limit">At most this many.</param>
    IReadOnlyList<TopicCount> Topics(string? after, int limit);

    /// <summary>The topics in which the key is present, in topic order (ordinal).</summary>
    IReadOnlyList<string> TopicsOf(string key);

    /// <summary>
    /// Sees every change of the whole tracker from now on, on this member's own schedule: see
    /// <see cref="IPresenceHandler"/>. Dispose to stop.
    /// </summary>
    ValueTask<IAsyncDisposable> AddHandlerAsync(IPresenceHandler handler, CancellationToken cancellation = default);

    /// <summary>
    /// Gets exactly the changes of one topic after the returned snapshot, in order and each once.
    /// </summary>
    /// <remarks>
    /// <para>The callback runs on the thread pool, one call at a time and with no lock held, so it may call whatever it likes; the first
    /// call may come before this method returns. It should only hand over (push to a queue of its own): while it runs, the other
    /// subscribers of the same shard of this node wait, and nothing else does. What it throws is logged and swallowed.</para>
    /// <para>Beyond <c>Presence:HandlerQueueCapacity</c> diffs that wait for a shard's subscribers, what comes later is condensed to one diff
    /// with its net effect for each subscriber (counter <c>presence.handler.condensed</c>).</para>
    /// </remarks>
    TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff);

    /// <summary>The topic as <see cref="List"/> shows it now, with how much was known of every replica by then. Waits for nothing.</summary>
    internal TopicView ViewOf(string topic) => new(VersionVector.Empty, List(topic));

    /// <summary>Completes when the subscribers have been called with every change made so far.</summary>
    internal Task DeliveredAsync() => Task.CompletedTask;

    /// <summary>Number of the shard that serves a topic, from 0: whose <see cref="Replicas"/> tell what is known of it.</summary>
    int ShardOf(string topic) => 0;

    /// <summary>This member's view of the cluster for this tracker: replicas with status, clock and lag.</summary>
    IReadOnlyList<ReplicaStatus> Replicas();
}

/// <summary>A subscription to one topic: the state at its start, then diffs.</summary>
public sealed class TopicSubscription : IDisposable
{
    private Action? _unsubscribe;

    /// <summary>Made by trackers.</summary>
    public TopicSubscription(TopicSnapshot snapshot, Action unsubscribe)
        : this(new TopicView(VersionVector.Empty, snapshot), 0, unsubscribe)
    {
    }

    internal TopicSubscription(TopicView view, long version, Action unsubscribe)
    {
        View = view;
        Version = version;
        _unsubscribe = unsubscribe;
    }

    /// <summary>The topic when the subscription began; every later change is in a diff.</summary>
    public TopicSnapshot Snapshot => View.Snapshot;

    /// <summary>Position of the snapshot: that of every diff, <see cref="TopicDiff.Version"/>, is greater.</summary>
    public long Version { get; }

    /// <summary>The snapshot, and how much was known of every replica by then.</summary>
    internal TopicView View { get; }

    /// <summary>Stops the diffs: no further call of the callback begins. Never throws, and waits for nothing.</summary>
    /// <remarks>A call that is under way goes on to its end. May be called inside the callback itself.</remarks>
    public void Dispose() => Interlocked.Exchange(ref _unsubscribe, null)?.Invoke();
}

/// <summary>The shard cannot take more work now; nothing was changed.</summary>
public sealed class PresenceOverloadException(string message) : InvalidOperationException(message);
