using Presence.Tracker;

namespace Presence.Channels;

/// <summary>What the clients of one topic were told, by key.</summary>
internal sealed class ShownPresences
{
    private readonly Dictionary<string, List<PresenceEntry>> _byKey = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, List<PresenceEntry>> ByKey => _byKey;

    public void Apply(IReadOnlyList<PresenceChange> changes)
    {
        foreach (var change in changes)
        {
            if (change.LastShown is { } shown)
            {
                Hide(shown);
            }

            if (change.Kind != PresenceChangeKind.Left)
            {
                Show(change.Entry);
            }
        }
    }

    public void Show(PresenceEntry entry)
    {
        if (!_byKey.TryGetValue(entry.Key, out var entries))
        {
            _byKey.Add(entry.Key, entries = new(1));
        }

        entries.Add(entry);
    }

    /// <summary>The presences that a message tells of: those of the changes, and all others too if it is a state.</summary>
    public Dictionary<string, IReadOnlyList<PresenceEntry>> Concerned(IReadOnlyList<PresenceChange> changes, bool all)
    {
        var concerned = changes
            .GroupBy(change => change.Entry.Key, StringComparer.Ordinal)
            .ToDictionary(
                key => key.Key,
                IReadOnlyList<PresenceEntry> (key) => [.. key.Select(change => change.Entry)],
                StringComparer.Ordinal);
        if (all)
        {
            foreach (var (key, entries) in _byKey)
            {
                concerned[key] = [.. entries];
            }
        }

        return concerned;
    }

    private void Hide(PresenceEntry entry)
    {
        if (!_byKey.TryGetValue(entry.Key, out var entries))
        {
            return;
        }

        entries.RemoveAll(other => other.Process == entry.Process && other.Owner == entry.Owner);
        if (entries.Count == 0)
        {
            _byKey.Remove(entry.Key);
        }
    }
}
