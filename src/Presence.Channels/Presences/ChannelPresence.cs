using Presence.Tracker;

namespace Presence.Channels;

/// <summary>
/// Adds fields to presences before clients see them, and handles their changes. Derive from it and register it with
/// <see cref="ChannelsBuilder.Presence{TPresence}"/>; there is one instance per node and pattern, created with the
/// application's services.
/// </summary>
public abstract class ChannelPresence
{
    /// <summary>
    /// Adds fields beside <c>metas</c>, such as a user's name from the database. Called once for each message of a
    /// topic (a <c>presence_diff</c>, a <c>presence_state</c>, or both at once), however many clients it goes to, with
    /// all keys that the message names; one message of a topic at a time.
    /// </summary>
    /// <remarks>
    /// The message and later messages of the same topic wait meanwhile; other topics do not. A call that throws, or
    /// takes longer than <see cref="ChannelLimits.FetchTimeout"/>, is logged and counted, and the message is sent
    /// without the fields.
    /// </remarks>
    protected internal virtual ValueTask FetchAsync(PresenceFetch presences, CancellationToken cancellation) => default;

    /// <summary>Handles a change of a topic on every node, whether a client shows the topic or not.</summary>
    /// <remarks>
    /// Calls are sequential and in order, on a queue of their own: clients do not wait for them. While it lags, changes
    /// are coalesced. An exception is logged and counted; the next change is delivered all the same.
    /// </remarks>
    protected internal virtual ValueTask HandleMetasAsync(PresenceMetasChange change, CancellationToken cancellation) =>
        default;

    /// <summary>Returns whether a derived type overrides a method.</summary>
    internal bool Overrides(string method) =>
        GetType().GetMethod(method, System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)
            ?.DeclaringType != typeof(ChannelPresence);
}

/// <summary>A change of one topic and the presences after it.</summary>
/// <param name="Topic">The tracker's topic.</param>
/// <param name="Changes">Joins, updates and leaves, in order; never empty.</param>
/// <param name="Presences">All presences of the topic after the changes; empty if nobody is present.</param>
public sealed record PresenceMetasChange(
    string Topic, IReadOnlyList<PresenceChange> Changes, TopicSnapshot Presences);
