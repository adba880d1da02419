using System.Runtime.CompilerServices;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>The members of <see cref="IPresenceClient"/> for topics whose metadata have a type.</summary>
public static class TypedClientExtensions
{
    /// <inheritdoc cref="IPresenceClient.TrackAsync"/>
    public static Task<ITrackedPresence> TrackAsync<T>(
        this IPresenceClient client, Topic<T> topic, string key, T meta, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(topic);
        return client.TrackAsync(topic.Name, key, topic.Write(meta), cancellation);
    }

    /// <summary>Replaces the metadata; fields that the type does not know are kept.</summary>
    /// <inheritdoc cref="ITrackedPresence.UpdateAsync" path="/exception"/>
    public static Task UpdateAsync<T>(
        this ITrackedPresence presence, Topic<T> topic, T meta, CancellationToken cancellation = default)
    {
        Require(presence, topic);
        return presence.UpdateAsync(topic.Write(meta, presence.Meta), cancellation);
    }

    /// <summary>Changes the metadata; fields that the type does not know are kept.</summary>
    /// <exception cref="PresenceMetaException">The current metadata do not fit the type; nothing changed.</exception>
    /// <inheritdoc cref="ITrackedPresence.UpdateAsync" path="/exception"/>
    public static Task UpdateAsync<T>(
        this ITrackedPresence presence, Topic<T> topic, Func<T, T> update, CancellationToken cancellation = default)
    {
        Require(presence, topic);
        return presence.UpdateAsync(topic.Update(presence.Meta, update), cancellation);
    }

    /// <inheritdoc cref="IPresenceClient.ListAsync"/>
    public static async IAsyncEnumerable<PresenceEntry<T>> ListAsync<T>(
        this IPresenceClient client, Topic<T> topic, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(topic);
        await foreach (var presence in client.ListAsync(topic.Name, cancellation))
        {
            yield return topic.Read(presence);
        }
    }

    /// <inheritdoc cref="IPresenceClient.GetByKeyAsync"/>
    public static async Task<IReadOnlyList<PresenceEntry<T>>> GetByKeyAsync<T>(
        this IPresenceClient client, Topic<T> topic, string key, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(topic);
        return [.. topic.Read(await client.GetByKeyAsync(topic.Name, key, cancellation))];
    }

    /// <inheritdoc cref="IPresenceClient.SubscribeAsync(string, Func{IReadOnlyList{PresenceChange}, ValueTask},
    /// SubscriptionKind, CancellationToken)"/>
    public static Task<ITopicSubscription> SubscribeAsync<T>(
        this IPresenceClient client,
        Topic<T> topic,
        Func<IReadOnlyList<PresenceChange<T>>, ValueTask> handler,
        SubscriptionKind kind = SubscriptionKind.Observer,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(handler);
        return client.SubscribeAsync(topic.Name, changes => handler(topic.Read(changes)), kind, cancellation);
    }

    /// <inheritdoc cref="PresenceClientExtensions.WatchAsync(IPresenceClient, string, CancellationToken)"/>
    public static async IAsyncEnumerable<PresenceChange<T>> WatchAsync<T>(
        this IPresenceClient client, Topic<T> topic, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        await foreach (var change in client.WatchAsync(topic.Name, cancellation))
        {
            yield return topic.Read(change);
        }
    }

    private static void Require<T>(ITrackedPresence presence, Topic<T> topic)
    {
        ArgumentNullException.ThrowIfNull(presence);
        ArgumentNullException.ThrowIfNull(topic);
        if (!string.Equals(presence.Topic, topic.Name, StringComparison.Ordinal))
        {
            throw new ArgumentException($"The presence is in topic '{presence.Topic}', not '{topic.Name}'.");
        }
    }
}
