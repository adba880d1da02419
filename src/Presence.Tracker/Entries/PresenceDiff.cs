namespace Presence.Tracker;

/// <summary>Why a presence ended.</summary>
public enum LeaveReason
{
    /// <summary>Its owner untracked it.</summary>
    Untracked,

    /// <summary>The process that owned it ended.</summary>
    ProcessEnded,

    /// <summary>The member it lives on was not heard of for the down period, or membership declared it dead.</summary>
    NodeDown,

    /// <summary>The member it lived on said farewell.</summary>
    NodeStopped,

    /// <summary>It was removed by an operator or a limit.</summary>
    Evicted,

    /// <summary>A newer incarnation of its member, or a new entry of the same process, took its place.</summary>
    Replaced,
}

/// <summary>What happened to one presence.</summary>
public enum PresenceChangeKind
{
    /// <summary>It appeared.</summary>
    Joined,

    /// <summary>Its metadata changed; it was and is present.</summary>
    Updated,

    /// <summary>It ended.</summary>
    Left,
}

/// <summary>One join, update or leave.</summary>
/// <param name="Kind">Which of the three.</param>
/// <param name="Entry">
/// Joined and updated: the entry as it is now. Left: the final version, which may be newer than what was last shown.
/// </param>
/// <param name="LastShown">Updated and left: the version that observers of this member saw last. Joined: null.</param>
/// <param name="Reason">Why it left; meaningless for the other kinds.</param>
public readonly record struct PresenceChange(
    PresenceChangeKind Kind,
    PresenceEntry Entry,
    PresenceEntry? LastShown,
    LeaveReason Reason)
{
    internal static PresenceChange Joined(PresenceEntry entry) => new(PresenceChangeKind.Joined, entry, null, default);

    internal static PresenceChange Updated(PresenceEntry old, PresenceEntry entry) =>
        new(PresenceChangeKind.Updated, entry, old, default);

    internal static PresenceChange Left(PresenceEntry lastShown, PresenceEntry final, LeaveReason reason) =>
        new(PresenceChangeKind.Left, final, lastShown, reason);
}

/// <summary>The changes of one topic, in the order in which they became visible.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Changes">Never empty.</param>
public sealed record TopicDiff(string Topic, IReadOnlyList<PresenceChange> Changes)
{
    /// <summary>
    /// Position of the changes, for subscribers of the topic: greater than that of the subscription and of every diff before. Zero for
    /// handlers of a whole tracker.
    /// </summary>
    public long Version { get; init; }

    /// <summary>The topic right after these changes, for subscribers of the topic; null for handlers of a whole tracker.</summary>
    internal TopicView? View { get; init; }
}

/// <summary>What one step of a shard changed, by topic. Never empty.</summary>
/// <remarks>Applied in order to what was listed before, it gives exactly what is listed after.</remarks>
public sealed class PresenceDiff
{
    /// <summary>Groups changes by topic, keeping their order.</summary>
    public PresenceDiff(IEnumerable<PresenceChange> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        var topics = new List<TopicDiff>(1);
        Dictionary<string, List<PresenceChange>>? byTopic = null;
        List<PresenceChange>? last = null;
        string? lastTopic = null;
        foreach (var change in changes)
        {
            if (last is null || !string.Equals(lastTopic, change.Entry.Topic, StringComparison.Ordinal))
            {
                byTopic ??= new(StringComparer.Ordinal);
                lastTopic = change.Entry.Topic;
                if (!byTopic.TryGetValue(lastTopic, out last))
                {
                    byTopic.Add(lastTopic, last = new(1));
                    topics.Add(new TopicDiff(lastTopic, last));
                }
            }

            last.Add(change);
        }

        Topics = topics;
    }

    /// <summary>The topics in which something changed.</summary>
    public IReadOnlyList<TopicDiff> Topics { get; }
}
