using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>
/// Tracks presences and subscribes to topics from outside a grain: in an Orleans client or a hosted service on a silo.
/// Renews leases and subscriptions, and restores them after the loss of a silo.
/// </summary>
/// <remarks>
/// <c>AddPresence</c> on a client or a silo registers it. When the client stops, its presences and subscriptions end.
/// All members can be called from any thread. While no silo of the cluster has called <c>AddPresence</c>, the calls
/// throw <see cref="InvalidOperationException"/>.
/// </remarks>
public interface IPresenceClient
{
    /// <summary>
    /// Makes this client present in a topic under a key until the returned presence is disposed. If its lease expires
    /// or its silo fails, it is tracked again; others see a leave and a join, unless the silos keep such presences for
    /// a grace (<c>Presence:Orleans:LeaseGrace</c>) and the silo stopped or failed.
    /// </summary>
    /// <remarks>Each call creates a new presence: the same key may be present several times (tabs, devices).</remarks>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    /// <exception cref="PresenceOverloadException">
    /// The silo is at a limit; nothing was changed. Retry later.
    /// </exception>
    /// <exception cref="TimeoutException">No answer within <see cref="PresenceClientOptions.CallTimeout"/>.</exception>
    /// <example>
    /// <code>
    /// await using var ann = await presence.TrackAsync("lobby", "ann", PresenceMeta.Parse("""{"status":"busy"}"""));
    /// </code>
    /// </example>
    Task<ITrackedPresence> TrackAsync(
        string topic,
        string key,
        PresenceMeta meta = default,
        CancellationToken cancellation = default);

    /// <summary>
    /// Makes this client present many times: all of them or, when one fails, none. One call to a silo tracks up to
    /// 1,000, with up to 1 MiB of metadata.
    /// </summary>
    /// <inheritdoc cref="TrackAsync" path="/exception"/>
    Task<IReadOnlyList<ITrackedPresence>> TrackManyAsync(
        IReadOnlyList<TrackRequest> requests, CancellationToken cancellation = default);

    /// <summary>Enumerates the presences of a topic in key order (ordinal), page by page.</summary>
    /// <remarks>A key that joins or leaves meanwhile may be in the result or not; no other key is affected.</remarks>
    /// <exception cref="TimeoutException">No page within <see cref="PresenceClientOptions.CallTimeout"/>.</exception>
    IAsyncEnumerable<PresenceEntry> ListAsync(string topic, CancellationToken cancellation = default);

    /// <summary>Returns the presences of up to <paramref name="limit"/> keys after one key, in key order.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="after">The last key of the previous page; null for the first page.</param>
    /// <param name="limit">At least 1, at most 10,000.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <inheritdoc cref="ListAsync" path="/exception"/>
    Task<TopicList> PageAsync(string topic, string? after, int limit, CancellationToken cancellation = default);

    /// <summary>Returns the presences under one key; empty if there are none.</summary>
    /// <inheritdoc cref="ListAsync" path="/exception"/>
    Task<IReadOnlyList<PresenceEntry>> GetByKeyAsync(
        string topic, string key, CancellationToken cancellation = default);

    /// <summary>Returns the number of presences in a topic.</summary>
    /// <inheritdoc cref="ListAsync" path="/exception"/>
    Task<int> CountAsync(string topic, CancellationToken cancellation = default);

    /// <summary>Returns the number of distinct keys in a topic.</summary>
    /// <inheritdoc cref="ListAsync" path="/exception"/>
    Task<int> KeyCountAsync(string topic, CancellationToken cancellation = default);

    /// <summary>Returns the topics in which a key is present, in ordinal order.</summary>
    /// <inheritdoc cref="ListAsync" path="/exception"/>
    Task<IReadOnlyList<string>> TopicsOfAsync(string key, CancellationToken cancellation = default);

    /// <summary>
    /// Ends all presences of a key in a topic, whichever sessions and silos own them, with
    /// <see cref="LeaveReason.Evicted"/>. Their owners may track again.
    /// </summary>
    /// <returns>The number of presences that ended.</returns>
    /// <exception cref="TimeoutException">
    /// A silo did not answer for 10 s, or the one that was called for <see cref="PresenceClientOptions.CallTimeout"/>
    /// more: presences may remain.
    /// </exception>
    Task<int> EvictAsync(string topic, string key, CancellationToken cancellation = default);

    /// <summary>Ends all presences of a key in all topics, as <see cref="EvictAsync"/> does.</summary>
    /// <inheritdoc cref="EvictAsync" path="/returns"/>
    /// <inheritdoc cref="EvictAsync" path="/exception"/>
    Task<int> EvictKeyAsync(string key, CancellationToken cancellation = default);

    /// <summary>Sends a message to all sessions that are present in a topic under a key: at most once each.</summary>
    /// <returns>Whether the key is present and a session, such as a channel, accepted the message.</returns>
    /// <exception cref="ArgumentException">
    /// The message is larger than <see cref="PresenceClientOptions.MaxMessageBytes"/> or
    /// <c>Presence:MaxMessageBytes</c>.
    /// </exception>
    Task<SendToKeyResult> SendAsync(
        string topic, string key, SessionMessage message, CancellationToken cancellation = default);

    /// <summary>Sends a message to all sessions that are present in any topic under a key.</summary>
    /// <inheritdoc cref="SendAsync" path="/returns"/>
    /// <inheritdoc cref="SendAsync" path="/exception"/>
    Task<SendToKeyResult> SendToKeyAsync(
        string key, SessionMessage message, CancellationToken cancellation = default);

    /// <summary>
    /// Returns, for each other node that the answering silo knows, how much of its changes the answers about a topic
    /// contain.
    /// </summary>
    /// <inheritdoc cref="ListAsync" path="/exception"/>
    Task<IReadOnlyList<NodeFreshness>> FreshnessAsync(string topic, CancellationToken cancellation = default);

    /// <summary>Subscribes to a topic: delivers every presence as a join, then each change.</summary>
    /// <remarks>
    /// Delivers each join, update and leave once and in order, also when silos stop or fail. After a loss of contact it
    /// delivers the net effect of the missed changes. Completes when the handler has received the first list. Called by
    /// a grain, the handler runs as part of the grain; otherwise on the thread pool.
    /// </remarks>
    /// <param name="topic">The topic.</param>
    /// <param name="handler">
    /// Called with one batch of changes at a time, never empty. An exception is logged, and the next batch is
    /// delivered. While the handler is slow, changes are coalesced to their net effect.
    /// </param>
    /// <param name="kind">How changes reach this client. Default <see cref="SubscriptionKind.Observer"/>.</param>
    /// <param name="cancellation">Cancels the start only; dispose the subscription to end it.</param>
    /// <exception cref="PresenceOverloadException">The silo has reached its maximum of subscriptions.</exception>
    /// <exception cref="TimeoutException">
    /// No silo answered within six times <see cref="PresenceClientOptions.CallTimeout"/>. Any other exception of the
    /// silo, such as that of an authorization filter, is thrown by the first attempt.
    /// </exception>
    /// <example>
    /// <code>
    /// await using var subscription = await presence.SubscribeAsync("lobby", changes =&gt;
    /// {
    ///     foreach (var change in changes)
    ///     {
    ///         Console.WriteLine($"{change.Kind}: {change.Entry.Key}");
    ///     }
    ///
    ///     return default;
    /// });
    /// </code>
    /// </example>
    Task<ITopicSubscription> SubscribeAsync(
        string topic,
        Func<IReadOnlyList<PresenceChange>, ValueTask> handler,
        SubscriptionKind kind = SubscriptionKind.Observer,
        CancellationToken cancellation = default);

    /// <summary>
    /// Subscribes to a part of a topic: delivers every presence in the view as a join, then each change of the view.
    /// The silo computes the view; nothing else is sent to this client.
    /// </summary>
    /// <remarks>
    /// <para>A presence that comes into the view without joining, or goes out of it without leaving, has the reason
    /// <see cref="LeaveReason.OutOfView"/>. After a loss of contact, the handler receives the net effect: what is no
    /// longer in the view then is a leave with <see cref="LeaveReason.Unknown"/>, because it may have left or only gone
    /// out of the view.</para>
    /// <para>For up to <see cref="PresenceClientOptions.SiloSwitchGracePeriod"/> after the loss of a silo, there may be
    /// more keys than <see cref="PresenceView.First"/>: those that the next silo does not know yet.</para>
    /// </remarks>
    /// <param name="topic">The topic.</param>
    /// <param name="view">
    /// The view. The fields of <see cref="PresenceView.Where"/> are declared on the silos, with
    /// <see cref="TrackerOptions.AddIndex"/>.
    /// </param>
    /// <param name="handler">
    /// Called with one batch of changes at a time, never empty. An exception is logged, and the next batch is
    /// delivered. While the handler is slow, changes are coalesced to their net effect.
    /// </param>
    /// <param name="cancellation">Cancels the start only; dispose the subscription to end it.</param>
    /// <exception cref="PresenceViewException">
    /// The view is malformed, or filters by a field that is not declared for the topic.
    /// </exception>
    /// <exception cref="PresenceOverloadException">
    /// The silo has reached its maximum of subscriptions, or of different views of the topic.
    /// </exception>
    /// <exception cref="TimeoutException">
    /// No silo answered within six times <see cref="PresenceClientOptions.CallTimeout"/>. Any other exception of the
    /// silo is thrown by the first attempt.
    /// </exception>
    /// <example>
    /// <code>
    /// var view = new PresenceView { First = 50, Prefix = "an" };
    /// await using var subscription = await presence.SubscribeAsync("lobby", view, changes =&gt;
    /// {
    ///     foreach (var change in changes)
    ///     {
    ///         Console.WriteLine($"{change.Kind}: {change.Entry.Key}{(change.IsOfView ? " (of the view)" : "")}");
    ///     }
    ///
    ///     return default;
    /// });
    /// </code>
    /// </example>
    Task<ITopicSubscription> SubscribeAsync(
        string topic,
        PresenceView view,
        Func<IReadOnlyList<PresenceChange>, ValueTask> handler,
        CancellationToken cancellation = default) =>
        throw new NotSupportedException("This client has no views.");
}

/// <summary>A presence that this client keeps tracked. Dispose it to leave.</summary>
public interface ITrackedPresence : IAsyncDisposable
{
    /// <summary>Gets the topic.</summary>
    string Topic { get; }

    /// <summary>Gets the key.</summary>
    string Key { get; }

    /// <summary>Gets the current metadata.</summary>
    PresenceMeta Meta { get; }

    /// <summary>Gets the current handle, which changes when the presence is tracked again.</summary>
    PresenceHandle Handle { get; }

    /// <summary>Replaces the metadata. A presence that was lost is tracked again with the new metadata.</summary>
    /// <exception cref="PresenceLimitException">The metadata is too large.</exception>
    /// <exception cref="ObjectDisposedException">The presence was disposed.</exception>
    Task UpdateAsync(PresenceMeta meta, CancellationToken cancellation = default);
}

/// <summary>A subscription to a topic. Dispose it to unsubscribe.</summary>
public interface ITopicSubscription : IAsyncDisposable
{
    /// <summary>Gets the topic.</summary>
    string Topic { get; }

    /// <summary>Gets all presences that the handler has received, in key order (ordinal). Immutable.</summary>
    TopicSnapshot Presences { get; }

    /// <summary>Gets whether changes arrive.</summary>
    SubscriptionState State { get; }

    /// <summary>Gets the last error while <see cref="State"/> is <see cref="SubscriptionState.Recovering"/>.</summary>
    Exception? LastError { get; }
}

/// <summary>The state of an <see cref="ITopicSubscription"/>.</summary>
public enum SubscriptionState
{
    /// <summary>Changes are delivered as they occur.</summary>
    Active = 0,

    /// <summary>The last attempt to read the topic failed; it is repeated within 5 s.</summary>
    Recovering = 1,

    /// <summary>The subscription was disposed, or its client stopped.</summary>
    Ended = 2,
}

/// <summary>How an <see cref="IPresenceClient"/> receives the changes of a topic.</summary>
public enum SubscriptionKind
{
    /// <summary>A grain observer: the lowest latency. Each subscription costs its silo one call per batch.</summary>
    Observer = 0,

    /// <summary>
    /// The topic's Orleans stream <c>presence.diffs</c>: costs the silos one stream, whatever the number of
    /// subscribers. Lost events are detected and fetched within about a second.
    /// </summary>
    Stream = 1,
}
