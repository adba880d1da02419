using Orleans;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>The members of <see cref="ITopicPresenceGrain"/> for topics whose metadata have a type.</summary>
public static class TypedTopicGrains
{
    /// <summary>Returns the grain of a topic.</summary>
    public static ITopicPresenceGrain TopicPresence<T>(this IGrainFactory grains, Topic<T> topic)
    {
        ArgumentNullException.ThrowIfNull(grains);
        ArgumentNullException.ThrowIfNull(topic);
        return grains.GetGrain<ITopicPresenceGrain>(topic.Name);
    }

    /// <inheritdoc cref="ITopicPresenceGrain.Track"/>
    public static Task<PresenceHandle> Track<T>(
        this ITopicPresenceGrain grain, Topic<T> topic, string key, T meta, string? lease = null)
    {
        Require(grain, topic);
        return grain.Track(key, topic.Write(meta), lease);
    }

    /// <inheritdoc cref="ITopicPresenceGrain.Update"/>
    /// <param name="grain">The grain of the topic.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="handle">The presence.</param>
    /// <param name="meta">The metadata.</param>
    /// <param name="current">What they replace: its fields that the type does not know are kept.</param>
    public static Task<PresenceHandle> Update<T>(
        this ITopicPresenceGrain grain,
        Topic<T> topic,
        PresenceHandle handle,
        T meta,
        PresenceMeta current = default)
    {
        Require(grain, topic);
        return grain.Update(handle, topic.Write(meta, current));
    }

    /// <inheritdoc cref="ITopicPresenceGrain.List"/>
    public static async Task<IReadOnlyList<PresenceEntry<T>>> List<T>(this ITopicPresenceGrain grain, Topic<T> topic)
    {
        Require(grain, topic);
        return [.. topic.Read((await grain.List()).Presences)];
    }

    /// <inheritdoc cref="ITopicPresenceGrain.GetByKey"/>
    public static async Task<IReadOnlyList<PresenceEntry<T>>> GetByKey<T>(
        this ITopicPresenceGrain grain, Topic<T> topic, string key)
    {
        Require(grain, topic);
        return [.. topic.Read(await grain.GetByKey(key))];
    }

    private static void Require<T>(ITopicPresenceGrain grain, Topic<T> topic)
    {
        ArgumentNullException.ThrowIfNull(grain);
        ArgumentNullException.ThrowIfNull(topic);
        if (grain.GetPrimaryKeyString() is var name && !string.Equals(name, topic.Name, StringComparison.Ordinal))
        {
            throw new ArgumentException($"The grain is that of topic '{name}', not '{topic.Name}'.");
        }
    }
}
