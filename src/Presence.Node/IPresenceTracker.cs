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
    /// another's. From inside a callback it runs on another thread and completes later.
    /// </remarks>
    /// <exception cref="AlreadyTrackedException">One of them is already there, or named twice.</exception>
    ValueTask<IReadOnlyList<PresenceEntry>> TrackManyAsync(PresenceProcess process, IReadOnlyList<TrackRequest> requests);

    /// <summary>Replaces the metadata.</summary>
    /// <exception cref="NotTrackedException">The process is not there.</exception>
    ValueTask<PresenceEntry> UpdateAsync(PresenceProcess process, string topic, string key, PresenceMeta meta);

    /// <summary>Replaces the metadata by a function of the entry as it is; the function runs once, inside the shard.</summary>
    /// <exception cref="NotTrackedException">The process is not there.</exception>
    /// <remarks>An exception of the function fails this call and nothing else. Keep it short and free of side effects.</remarks>
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
    /// Sees every change of one topic from the returned snapshot on, gap-free. The callback runs inside the shard, in
    /// order, and must only hand over (push to a queue of its own); what it throws is logged and swallowed.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// Called from inside a callback of another topic whose shard is kept busy by a callback that waits for this one.
    /// </exception>
    TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff);

    /// <summary>The topic as <see cref="List"/> shows it now, with how much was known of every replica by then. Waits for nothing.</summary>
    internal TopicView ViewOf(string topic) => new(VersionVector.Empty, List(topic));

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

    /// <summary>Stops the diffs. May be called again if it throws.</summary>
    /// <exception cref="InvalidOperationException">
    /// Inside a callback of another shard or of pub/sub, and the topic's shard stayed busy: the diffs go on.
    /// </exception>
    public void Dispose()
    {
        var unsubscribe = Interlocked.Exchange(ref _unsubscribe, null);
        try
        {
            unsubscribe?.Invoke();
        }
        catch
        {
            _unsubscribe = unsubscribe;
            throw;
        }
    }
}

/// <summary>The shard cannot take more work now; nothing was changed.</summary>
public sealed class PresenceOverloadException(string message) : InvalidOperationException(message);
