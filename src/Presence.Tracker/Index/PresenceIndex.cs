namespace Presence.Tracker;

/// <summary>What one shard shows to readers: immutable snapshots per topic, swapped by the shard, read by any thread.</summary>
public sealed class PresenceIndex
{
    /// <summary>Who is present in the topic.</summary>
    public TopicSnapshot List(string topic) => throw new NotSupportedException();

    /// <summary>Topics with somebody in them, ordinal order, after <paramref name="after"/>.</summary>
    public IReadOnlyList<TopicCount> Topics(string? after, int limit) => throw new NotSupportedException();

    /// <summary>Topics in which the key is present, ordinal order.</summary>
    public IReadOnlyList<string> TopicsOf(string key) => throw new NotSupportedException();

    /// <summary>Presences shown in all topics. A field read.</summary>
    public int Count => throw new NotSupportedException();
}
