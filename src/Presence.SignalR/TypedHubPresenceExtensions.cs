using Microsoft.AspNetCore.SignalR;
using Presence.Tracker;

namespace Presence.SignalR;

/// <summary>The members of <see cref="IHubPresence"/> for topics whose metadata have a type.</summary>
public static class TypedHubPresenceExtensions
{
    /// <summary>Makes the connection present in a topic under a key.</summary>
    public static Task TrackAsync<T>(this IHubPresence presence, Hub hub, Topic<T> topic, string key, T meta)
    {
        ArgumentNullException.ThrowIfNull(presence);
        ArgumentNullException.ThrowIfNull(topic);
        return presence.TrackAsync(hub, topic.Name, key, topic.Write(meta));
    }

    /// <summary>Replaces the metadata of a presence; fields that the type does not know are kept.</summary>
    public static Task UpdateAsync<T>(this IHubPresence presence, Hub hub, Topic<T> topic, string key, T meta)
    {
        ArgumentNullException.ThrowIfNull(presence);
        ArgumentNullException.ThrowIfNull(topic);
        return presence.UpdateAsync(hub, topic.Name, key, current => topic.Write(meta, current));
    }

    /// <summary>Changes the metadata of a presence; fields that the type does not know are kept.</summary>
    public static Task UpdateAsync<T>(
        this IHubPresence presence, Hub hub, Topic<T> topic, string key, Func<T, T> update)
    {
        ArgumentNullException.ThrowIfNull(presence);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(update);
        return presence.UpdateAsync(hub, topic.Name, key, current => topic.Update(current, update));
    }
}
