using Presence.Tracker;

namespace Presence.Channels;

/// <summary>
/// What an application adds to presences before clients see them, and what it does when they change. Derive from it and
/// name it with <see cref="ChannelsBuilder.Presence{TPresence}"/>; there is one instance per member and pattern, made with
/// the application's services.
/// </summary>
public abstract class ChannelPresence
{
    /// <summary>
    /// Adds fields beside <c>metas</c>, such as a user's name from the database. Called once for each message of a topic
    /// (a <c>presence_diff</c>, a <c>presence_state</c>, or both at once), however many clients it goes to, with all keys
    /// that the message names; one message of a topic at a time.
    /// </summary>
    /// <remarks>
    /// The message waits meanwhile, and with it those behind it of the same topic, but no others. What throws, or takes
    /// longer than <see cref="ChannelLimits.FetchTimeout"/>, is logged and counted, and the message goes out as it is.
    /// </remarks>
    protected internal virtual ValueTask FetchAsync(PresenceFetch presences, CancellationToken cancellation) => default;

    /// <summary>
    /// Hears what changed in a topic and who is there after it, on every member, whether a client shows the topic or not.
    /// </summary>
    /// <remarks>
    /// Called one at a time and in order, on a queue of its own: it neither waits for clients nor do they wait for it.
    /// While it lags, changes are condensed. An exception is logged and counted; the next change comes all the same.
    /// </remarks>
    protected internal virtual ValueTask HandleMetasAsync(MetasChange change, CancellationToken cancellation) => default;

    /// <summary>Whether a derived type does something in a method, so that nothing is spent where it does not.</summary>
    internal bool Overrides(string method) =>
        GetType().GetMethod(method, System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)
            ?.DeclaringType != typeof(ChannelPresence);
}

/// <summary>A change of one topic and the presences after it.</summary>
/// <param name="Topic">The tracker's topic.</param>
/// <param name="Changes">Joins, updates and leaves, in order; never empty.</param>
/// <param name="Presences">Who is present now, by key, each in the order of its joins. Empty if nobody is.</param>
public sealed record MetasChange(
    string Topic,
    IReadOnlyList<PresenceChange> Changes,
    IReadOnlyDictionary<string, IReadOnlyList<PresenceEntry>> Presences);
