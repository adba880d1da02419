using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>
/// Presence for an application that is not a grain: an Orleans client, or a hosted service on a silo. Renews what must be
/// renewed, and begins again what was lost with a silo.
/// </summary>
/// <remarks>
/// Registered by <c>AddPresence</c> on a client or a silo. When the client stops, what it tracked ends and its watches end.
/// All members can be called from any thread.
/// </remarks>
public interface IPresenceClient
{
    /// <summary>
    /// Makes this client present in a topic under a key until the returned presence is disposed of. When its lease or the silo
    /// that kept it is lost, it is tracked again, and others see a leave and a join.
    /// </summary>
    /// <remarks>Each call is a presence of its own: the same key may be present several times (tabs, devices).</remarks>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    /// <exception cref="PresenceOverloadException">The silo cannot take more; nothing was changed, try again later.</exception>
    /// <exception cref="TimeoutException">No silo answered within <see cref="PresenceClientOptions.CallTimeout"/>.</exception>
    Task<ITrackedPresence> TrackAsync(
        string topic,
        string key,
        PresenceMeta meta = default,
        CancellationToken cancellation = default);

    /// <summary>Tells every change of a topic through an observer: first everybody present as joins, then what changes.</summary>
    /// <remarks>
    /// Each join, update and leave is told once and in order, whichever silos come and go; a time without contact ends with
    /// the changes that it hid. Returns when the first list was handed over.
    /// </remarks>
    /// <param name="topic">The topic.</param>
    /// <param name="handler">
    /// Called with one batch at a time, never empty. What it throws is logged; the next batch is told all the same. While it is
    /// slow, changes gather and are told as their net effect.
    /// </param>
    /// <param name="cancellation">Gives up the beginning; to end a watch, dispose of it.</param>
    Task<ITopicWatch> WatchAsync(
        string topic,
        Func<IReadOnlyList<PresenceChange>, ValueTask> handler,
        CancellationToken cancellation = default);

    /// <summary>
    /// The same through the Orleans stream <c>presence.diffs</c> of the topic, which costs the silos one stream whatever
    /// the number of its subscribers. What the stream loses is noticed within about a second, and made good.
    /// </summary>
    /// <inheritdoc cref="WatchAsync" path="/param"/>
    Task<ITopicWatch> FollowAsync(
        string topic,
        Func<IReadOnlyList<PresenceChange>, ValueTask> handler,
        CancellationToken cancellation = default);
}

/// <summary>Something that this client keeps present. Dispose of it to leave.</summary>
public interface ITrackedPresence : IAsyncDisposable
{
    /// <summary>Where it is present.</summary>
    string Topic { get; }

    /// <summary>Who is present.</summary>
    string Key { get; }

    /// <summary>What it says about itself.</summary>
    PresenceMeta Meta { get; }

    /// <summary>The handle of its present life; another after it was tracked again.</summary>
    PresenceHandle Handle { get; }

    /// <summary>Replaces the metadata. If the presence was lost it is tracked again with the new metadata.</summary>
    /// <exception cref="PresenceLimitException">The metadata is too large.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed of.</exception>
    Task UpdateAsync(PresenceMeta meta);
}

/// <summary>A topic that is being watched. Dispose of it to stop.</summary>
public interface ITopicWatch : IAsyncDisposable
{
    /// <summary>The topic.</summary>
    string Topic { get; }

    /// <summary>Everybody who is present, as far as the handler was told; in key order (ordinal).</summary>
    IReadOnlyList<PresenceEntry> Presences { get; }
}
