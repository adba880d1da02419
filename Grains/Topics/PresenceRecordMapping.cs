using Presence.Tracker;

namespace Presence.Grains.Topics;

/// <summary>From what the tracker holds to what crosses between silos and clients.</summary>
internal static class PresenceRecordMapping
{
    public static PresenceRecord ToRecord(this PresenceEntry entry) =>
        new(
            entry.Key,
            entry.Ref,
            entry.PreviousRef,
            entry.Owner.Node,
            entry.Meta,
            entry.Owner.Incarnation,
            entry.Dot.Sequence,
            entry.First.Sequence);

    public static PresenceRecord[] ToRecords(this IReadOnlyCollection<PresenceEntry> entries)
    {
        var records = new PresenceRecord[entries.Count];
        var at = 0;
        foreach (var entry in entries)
        {
            records[at++] = entry.ToRecord();
        }

        return records;
    }

    public static PresenceChangeRecord ToRecord(this PresenceChange change) =>
        new(change.Kind, change.Entry.ToRecord(), change.LastShown?.ToRecord(), change.Reason);

    /// <summary>Everybody in the list as a join.</summary>
    public static PresenceChangeRecord[] ToJoins(this IEnumerable<PresenceEntry> entries) =>
        [.. entries.Select(e => new PresenceChangeRecord(PresenceChangeKind.Joined, e.ToRecord(), null, default))];
}
