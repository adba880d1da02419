namespace Presence.Tracker;

/// <summary>The session is already present in the topic under the key; nothing was changed.</summary>
public sealed class AlreadyTrackedException(string topic, string key)
    : InvalidOperationException($"Already tracked in topic '{topic}' under key '{key}'. Update it instead.")
{
    /// <summary>The topic.</summary>
    public string Topic { get; } = topic;

    /// <summary>The key.</summary>
    public string Key { get; } = key;
}

/// <summary>The session is not present in the topic under the key; nothing was changed.</summary>
public sealed class NotTrackedException(string topic, string key)
    : InvalidOperationException($"Not tracked in topic '{topic}' under key '{key}'. Track it first.")
{
    /// <summary>The topic.</summary>
    public string Topic { get; } = topic;

    /// <summary>The key.</summary>
    public string Key { get; } = key;
}

/// <summary>A topic, key or metadata is empty or larger than its limit; nothing was changed.</summary>
public sealed class PresenceLimitException(string what, int size, int limit)
    : ArgumentException(size == 0
        ? $"The {what} is empty."
        : $"The {what} has {size} bytes; the limit is {limit} bytes (Presence:Limits).")
{
    /// <summary>Gets what broke the limit: <c>topic</c>, <c>key</c> or <c>metadata</c>.</summary>
    public string What { get; } = what;

    /// <summary>Gets the size in bytes of UTF-8.</summary>
    public int Size { get; } = size;

    /// <summary>Gets the limit in bytes.</summary>
    public int Limit { get; } = limit;
}

/// <summary>The metadata is not one well-formed JSON object.</summary>
public sealed class PresenceMetaException(string message, Exception? inner = null) : ArgumentException(message, inner);

/// <summary>
/// The topic is counts-only: no node has a list of its presences (<see cref="TrackerOptions.AddCountsOnly"/>).
/// </summary>
public sealed class CountsOnlyTopicException(string topic)
    : InvalidOperationException($"Topic '{topic}' is counts-only: it has counts and pages, but no list of presences.")
{
    /// <summary>Gets the topic.</summary>
    public string Topic { get; } = topic;
}
