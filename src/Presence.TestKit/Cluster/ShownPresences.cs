using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit.Cluster;

/// <summary>The presences that result from applying all changes of one node.</summary>
internal sealed class ShownPresences
{
    private readonly Dictionary<PresenceId, PresenceEntry> _shown = [];
    private readonly Dictionary<string, int> _byTopic = new(StringComparer.Ordinal);
    private readonly Dictionary<ReplicaId, int> _byOwner = [];

    public int Count => _shown.Count;

    public IEnumerable<PresenceEntry> Entries => _shown.Values;

    public IEnumerable<string> Topics => _byTopic.Keys;

    public IEnumerable<ReplicaId> Owners => _byOwner.Keys;

    public int CountOf(string topic) => _byTopic.GetValueOrDefault(topic);

    public int CountOf(ReplicaId owner) => _byOwner.GetValueOrDefault(owner);

    public PresenceEntry? Find(PresenceId id) => _shown.GetValueOrDefault(id);

    /// <summary>Applies a change.</summary>
    /// <returns>The error, or null.</returns>
    public string? Apply(PresenceChange change)
    {
        var entry = change.Entry;
        var id = PresenceId.Of(entry);
        _shown.TryGetValue(id, out var shown);
        switch (change.Kind)
        {
            case PresenceChangeKind.Joined:
                _shown[id] = entry;
                if (shown is not null)
                {
                    return $"joined twice: {entry}, shown was {shown}";
                }

                Tally(entry, 1);
                return change.LastShown is null ? null : $"a join with a LastShown: {entry}";

            case PresenceChangeKind.Updated:
                _shown[id] = entry;
                if (shown is null)
                {
                    Tally(entry, 1);
                    return $"updated without a join: {entry}";
                }

                return Chained(change, shown) ?? (entry.Sequence > shown.Sequence
                    && entry.CreatedSequence == shown.CreatedSequence
                    ? null
                    : $"updated from {shown} (born {shown.CreatedSequence}) to {entry} (born {entry.CreatedSequence})");

            default:
                if (!_shown.Remove(id))
                {
                    return $"left without a join: {entry}";
                }

                Tally(entry, -1);
                return Chained(change, shown!) ?? (entry.Sequence >= shown!.Sequence
                    ? null
                    : $"left with a final version {entry} older than the shown one {shown}");
        }
    }

    private static string? Chained(PresenceChange change, PresenceEntry shown) =>
        change.LastShown is { } last && last.Dot == shown.Dot && last.Meta == shown.Meta
            ? null
            : $"{change.Kind} {change.Entry} has LastShown {change.LastShown?.ToString() ?? "null"}; shown was {shown}";

    private void Tally(PresenceEntry entry, int by)
    {
        Add(_byTopic, entry.Topic, by);
        Add(_byOwner, entry.Owner, by);
    }

    private static void Add<TKey>(Dictionary<TKey, int> counts, TKey key, int by)
        where TKey : notnull
    {
        var count = counts.GetValueOrDefault(key) + by;
        if (count == 0)
        {
            counts.Remove(key);
        }
        else
        {
            counts[key] = count;
        }
    }
}
