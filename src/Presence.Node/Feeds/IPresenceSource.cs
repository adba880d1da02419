using Presence.Node.KeyWatching;
using Presence.Tracker;
using Presence.Tracker.Counts;
using Presence.Tracker.Cursors;

namespace Presence.Node.Feeds;

/// <summary>
/// Receives the changes of a topic, one call at a time, with the topic right after them and the version for
/// <see cref="MissedQuery"/>.
/// </summary>
internal delegate void TopicListener(IReadOnlyList<PresenceChange> changes, TopicSnapshot after, long version);

/// <summary>See <see cref="TopicSubscription.Missed"/>.</summary>
internal delegate IReadOnlyList<PresenceChange>? MissedQuery(TopicCursor cursor, TopicDigest current, long version);

/// <summary>A subscription of a <see cref="IPresenceSource"/>.</summary>
/// <param name="Snapshot">The topic at its start.</param>
/// <param name="Ending">Ends it.</param>
/// <param name="Version">The version of the snapshot.</param>
/// <param name="Missed">Finds what the holder of a cursor has missed; null if the source remembers nothing.</param>
internal sealed record SourceSubscription(
    TopicSnapshot Snapshot, IAsyncDisposable Ending, long Version = 0, MissedQuery? Missed = null);

/// <summary>Presence as web endpoints use it: of the node of this process, or through an Orleans client.</summary>
internal interface IPresenceSource
{
    Task<PresencePage> PageAsync(string topic, string? after, int limit, CancellationToken cancellation);

    Task<IReadOnlyList<PresenceEntry>> GetByKeyAsync(string topic, string key, CancellationToken cancellation);

    Task<TopicCount> CountAsync(string topic, CancellationToken cancellation);

    Task<IReadOnlyList<string>> TopicsOfAsync(string key, CancellationToken cancellation);

    /// <summary>
    /// Calls the listener with every change after the returned snapshot. Calls that come before this method returns
    /// replace the snapshot.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="view">The part of the topic; null: all of it.</param>
    /// <param name="listener">The listener.</param>
    /// <exception cref="PresenceViewException">The view cannot be used for the topic.</exception>
    /// <exception cref="CountsOnlyTopicException">A part of a counts-only topic is requested.</exception>
    Task<SourceSubscription> SubscribeAsync(string topic, PresenceView? view, TopicListener listener);

    /// <summary>Returns when the topic is sent as counts; null: never, as in an Orleans client.</summary>
    AdaptiveMode? AdaptiveOf(string topic) => null;

    /// <summary>Gets the watches of keys; null in an Orleans client.</summary>
    KeyWatches? KeyWatches => null;

    /// <summary>Opens a session. Dispose it to end its presences. An Orleans client uses no options.</summary>
    ISourceSession OpenSession(PresenceSessionOptions options);

    /// <summary>
    /// Resumes the session of a token, or opens a new one with a grace. Without support for it, opens one without.
    /// </summary>
    Task<ISourceSession> ResumeAsync(
        byte[]? token, PresenceSessionOptions options, CancellationToken cancellation) =>
        Task.FromResult(OpenSession(options));
}

/// <summary>Owns presences, which end with it. One call at a time.</summary>
internal interface ISourceSession : IAsyncDisposable
{
    /// <summary>Gets the token that resumes the session; null if it cannot be resumed.</summary>
    byte[]? Token => null;

    /// <summary>Gets whether the session existed before.</summary>
    bool IsResumed => false;

    /// <summary>Ends what the session had before its resume and has not tracked again.</summary>
    Task CompleteResumeAsync() => Task.CompletedTask;

    /// <summary>Records that the client has received <see cref="Token"/>.</summary>
    void Confirm()
    {
    }

    /// <summary>Returns whether the session owns a presence.</summary>
    bool Owns(PresenceEntry entry) => false;

    /// <summary>Leaves the session to its grace; without one, ends it.</summary>
    ValueTask DetachAsync() => DisposeAsync();

    /// <exception cref="AlreadyTrackedException">It is tracked there already.</exception>
    Task TrackAsync(string topic, string key, PresenceMeta meta, CancellationToken cancellation);

    /// <exception cref="NotTrackedException">It is not tracked there.</exception>
    Task UpdateAsync(string topic, string key, PresenceMeta meta, CancellationToken cancellation);

    /// <summary>Returns false if it was not tracked.</summary>
    Task<bool> UntrackAsync(string topic, string key, CancellationToken cancellation);
}
