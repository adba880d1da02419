using Presence.Tracker;

namespace Presence.Channels;

/// <summary>The presences that were sent to the clients of one topic, by key.</summary>
internal sealed class ShownPresences(string topic)
{
    private readonly Dictionary<string, List<PresenceEntry>> _byKey = new(StringComparer.Ordinal);
    private TopicDigest? _digest;

    public IReadOnlyDictionary<string, List<PresenceEntry>> ByKey => _byKey;

    /// <summary>Gets the digest, which is computed once and then follows the changes.</summary>
    public TopicDigest Digest => _digest ??= TopicDigest.Of(topic, _byKey.Values.SelectMany(entries => entries));

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

    /// <summary>Replaces all presences.</summary>
    public void Reset(IEnumerable<PresenceEntry> entries)
    {
        _byKey.Clear();
        _digest = null;
        foreach (var entry in entries)
        {
            Show(entry);
        }
    }

    private void Show(PresenceEntry entry)
    {
        if (!_byKey.TryGetValue(entry.Key, out var entries))
        {
            _byKey.Add(entry.Key, entries = new(1));
        }

        entries.Add(entry);
        _digest?.Add(entry);
    }

    /// <summary>Returns the presences in a message: those of the changes, and all others if it is a state.</summary>
    public Dictionary<string, IReadOnlyList<PresenceEntry>> EntriesOf(IReadOnlyList<PresenceChange> changes, bool all)
    {
        var entriesByKey = changes
            .GroupBy(change => change.Entry.Key, StringComparer.Ordinal)
            .ToDictionary(
                key => key.Key,
                IReadOnlyList<PresenceEntry> (key) => [.. key.Select(change => change.Entry)],
                StringComparer.Ordinal);
        if (all)
        {
            foreach (var (key, entries) in _byKey)
            {
                entriesByKey[key] = [.. entries];
            }
        }

        return entriesByKey;
    }

    private void Hide(PresenceEntry entry)
    {
        if (!_byKey.TryGetValue(entry.Key, out var entries))
        {
            return;
        }

        foreach (var shown in _digest is null ? [] : entries.FindAll(entry.IsSamePresence))
        {
            _digest!.Remove(shown);
        }

        entries.RemoveAll(entry.IsSamePresence);
        if (entries.Count == 0)
        {
            _byKey.Remove(entry.Key);
        }
    }
}
