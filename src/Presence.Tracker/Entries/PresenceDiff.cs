using Presence.Tracker.Shard;

namespace Presence.Tracker;

/// <summary>Why a presence ended.</summary>
public enum LeaveReason
{
    /// <summary>Its owner untracked it.</summary>
    Untracked,

    /// <summary>The session that owned it ended.</summary>
    SessionEnded,

    /// <summary>Its node was silent for the down period, or membership declared the node dead.</summary>
    NodeDown,

    /// <summary>Its node shut down and announced it with a leave frame.</summary>
    NodeStopped,

    /// <summary>An operator or a limit removed it.</summary>
    Evicted,

    /// <summary>A newer incarnation of its node, or a new entry of the same session, replaced it.</summary>
    Replaced,

    /// <summary>Its session was detached for longer than its grace.</summary>
    GraceExpired,

    /// <summary>Its session was resumed elsewhere, but the entry that should follow did not arrive.</summary>
    Superseded,

    /// <summary>Its owner, a client without a connection of its own, did not renew its lease in time.</summary>
    LeaseExpired,

    /// <summary>
    /// The reason is not known: a subscriber missed the leave and found the presence missing from a later list.
    /// </summary>
    Unknown,

    /// <summary>
    /// The presence did not end: it no longer belongs to the <see cref="PresenceView"/> of the reader. As the reason of
    /// a join: it was present before and belongs to the view now.
    /// </summary>
    OutOfView,
}

/// <summary>The kind of a <see cref="PresenceChange"/>.</summary>
public enum PresenceChangeKind
{
    /// <summary>The presence appeared.</summary>
    Joined,

    /// <summary>The metadata changed; the presence stays.</summary>
    Updated,

    /// <summary>The presence ended.</summary>
    Left,
}

/// <summary>One join, update or leave.</summary>
/// <param name="Kind">Join, update or leave.</param>
/// <param name="Entry">
/// Joined and updated: the current version. Left: the final version, which may be newer than the last shown one.
/// </param>
/// <param name="LastShown">Updated and left: the last version that observers on this node saw. Joined: null.</param>
/// <param name="Reason">
/// The reason of a leave. Joined: <see cref="LeaveReason.OutOfView"/> if the presence only came into a view. Undefined
/// for updates.
/// </param>
public readonly record struct PresenceChange(
    PresenceChangeKind Kind,
    PresenceEntry Entry,
    PresenceEntry? LastShown,
    LeaveReason Reason)
{
    /// <summary>
    /// Gets whether the key becomes present in the topic by this join, or absent by this leave. In order, these changes
    /// of a key alternate, starting from the list that the changes follow.
    /// </summary>
    public bool ChangesKey { get; init; }

    /// <summary>Gets whether the key becomes present in the topic: its first device joined.</summary>
    public bool IsFirst => ChangesKey && Kind == PresenceChangeKind.Joined;

    /// <summary>Gets whether the key becomes absent from the topic: its last device left.</summary>
    public bool IsLast => ChangesKey && Kind == PresenceChangeKind.Left;

    /// <summary>
    /// Gets whether the presence neither joined nor left: it came into the reader's <see cref="PresenceView"/>, or went
    /// out of it.
    /// </summary>
    public bool IsOfView => Reason == LeaveReason.OutOfView && Kind != PresenceChangeKind.Updated;

    /// <inheritdoc/>
    public override string ToString() =>
        Kind == PresenceChangeKind.Left ? $"{Kind} {Entry}: {Reason}" : $"{Kind} {Entry}";

    internal static PresenceChange Joined(PresenceEntry entry, bool isFirst = false) =>
        new(PresenceChangeKind.Joined, entry, null, default) { ChangesKey = isFirst };

    /// <summary>Returns the joins of all presences of a topic, which are in key order.</summary>
    internal static IEnumerable<PresenceChange> JoinedAll(IEnumerable<PresenceEntry> entries)
    {
        string? last = null;
        foreach (var entry in entries)
        {
            yield return Joined(entry, !string.Equals(entry.Key, last, StringComparison.Ordinal));
            last = entry.Key;
        }
    }

    internal static PresenceChange Updated(PresenceEntry old, PresenceEntry entry) =>
        new(PresenceChangeKind.Updated, entry, old, default);

    internal static PresenceChange Left(
        PresenceEntry lastShown, PresenceEntry final, LeaveReason reason, bool isLast = false) =>
        new(PresenceChangeKind.Left, final, lastShown, reason) { ChangesKey = isLast };
}

/// <summary>The changes of one topic, in the order in which they became visible.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Changes">Never empty.</param>
public sealed record TopicDiff(string Topic, IReadOnlyList<PresenceChange> Changes)
{
    /// <summary>
    /// Gets the position of the changes, greater than that of the subscription and of every earlier diff. Zero for
    /// handlers of a whole tracker.
    /// </summary>
    public long Version { get; init; }

    /// <summary>Gets the topic right after these changes; null for handlers of a whole tracker.</summary>
    internal TopicSnapshotView? View { get; init; }
}

/// <summary>The changes of one step of a shard, grouped by topic. Never empty.</summary>
/// <remarks>Applying the changes in order to the previous list gives exactly the new list.</remarks>
public sealed class PresenceDiff
{
    /// <summary>Groups changes by topic and keeps their order.</summary>
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

    /// <summary>Gets the changed topics, in order of their first change.</summary>
    public IReadOnlyList<TopicDiff> Topics { get; }
}
