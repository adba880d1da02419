using System.Runtime.CompilerServices;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>The members of <see cref="IPresenceTracker"/> for topics whose metadata have a type.</summary>
public static class TypedTrackerExtensions
{
    /// <inheritdoc cref="IPresenceTracker.TrackAsync"/>
    /// <exception cref="PresenceMetaException">The metadata do not serialize to a JSON object.</exception>
    public static ValueTask<PresenceEntry> TrackAsync<T>(
        this IPresenceTracker tracker,
        PresenceSession session,
        Topic<T> topic,
        string key,
        T meta,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        ArgumentNullException.ThrowIfNull(topic);
        return tracker.TrackAsync(session, topic.Name, key, topic.Write(meta), cancellation);
    }

    /// <summary>Replaces the metadata of a presence; fields that the type does not know are kept.</summary>
    /// <exception cref="NotTrackedException">The session is not tracked there.</exception>
    /// <exception cref="PresenceMetaException">The metadata do not serialize to a JSON object.</exception>
    public static ValueTask<PresenceEntry> UpdateAsync<T>(
        this IPresenceTracker tracker,
        PresenceSession session,
        Topic<T> topic,
        string key,
        T meta,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        ArgumentNullException.ThrowIfNull(topic);
        return tracker.UpdateAsync(session, topic.Name, key, entry => topic.Write(meta, entry.Meta), cancellation);
    }

    /// <summary>Changes the metadata of a presence; fields that the type does not know are kept.</summary>
    /// <remarks>The function may run again if the entry was updated meanwhile: keep it free of side effects.</remarks>
    /// <exception cref="NotTrackedException">The session is not tracked there.</exception>
    /// <exception cref="PresenceMetaException">The current metadata do not fit the type; nothing changed.</exception>
    public static ValueTask<PresenceEntry> UpdateAsync<T>(
        this IPresenceTracker tracker,
        PresenceSession session,
        Topic<T> topic,
        string key,
        Func<T, T> update,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(update);
        return tracker.UpdateAsync(session, topic.Name, key, entry => topic.Update(entry.Meta, update), cancellation);
    }

    /// <summary>Returns the presences of a topic, in key order. The metadata are read while it is enumerated.</summary>
    public static IEnumerable<PresenceEntry<T>> List<T>(this IPresenceTracker tracker, Topic<T> topic)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        ArgumentNullException.ThrowIfNull(topic);
        return topic.Read(tracker.List(topic.Name));
    }

    /// <summary>Returns the presences under one key of the topic; empty if there are none.</summary>
    public static IReadOnlyList<PresenceEntry<T>> GetByKey<T>(
        this IPresenceTracker tracker, Topic<T> topic, string key)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        ArgumentNullException.ThrowIfNull(topic);
        return [.. topic.Read(tracker.GetByKey(topic.Name, key))];
    }

    /// <summary>
    /// Delivers the changes of a topic as <see cref="IPresenceTracker.Subscribe(string, Action{TopicDiff})"/> does.
    /// Read the snapshot of the result with <see cref="Topic{T}.Read(IEnumerable{PresenceEntry})"/>.
    /// </summary>
    public static TopicSubscription Subscribe<T>(
        this IPresenceTracker tracker, Topic<T> topic, Action<IReadOnlyList<PresenceChange<T>>> onChanges)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(onChanges);
        return tracker.Subscribe(topic.Name, diff => onChanges(topic.Read(diff.Changes)));
    }

    /// <inheritdoc cref="PresenceTrackerExtensions.WatchAsync(IPresenceTracker, string, CancellationToken)"/>
    public static async IAsyncEnumerable<PresenceChange<T>> WatchAsync<T>(
        this IPresenceTracker tracker,
        Topic<T> topic,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        await foreach (var change in tracker.WatchAsync(topic.Name, cancellation).ConfigureAwait(false))
        {
            yield return topic.Read(change);
        }
    }
}
