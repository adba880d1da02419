namespace Presence.Tracker.Counts;

/// <summary>
/// Some presences of a topic that is sent as counts. They stay in it while they are present, so that a busy topic does
/// not change it. Not thread-safe.
/// </summary>
/// <param name="mode">The mode.</param>
internal sealed class TopicSample(AdaptiveMode mode)
{
    private PresenceEntry[] _entries = [];
    private int _periods = AdaptiveMode.SamplePeriods;
    private bool _isDirty = true;

    /// <summary>Gets the presences. Each change gives a new array.</summary>
    public IReadOnlyList<PresenceEntry> Entries => _entries;

    /// <summary>Gets whether a change has not been sent.</summary>
    public bool IsDirty => _isDirty;

    /// <summary>Follows the topic. Call it before each message.</summary>
    /// <returns>Whether the message is to have the sample.</returns>
    public bool Update(TopicSnapshot topic)
    {
        var kept = new List<PresenceEntry>(mode.Sample);
        foreach (var entry in _entries)
        {
            if (topic.GetByKey(entry.Key).FirstOrDefault(entry.IsSamePresence) is { } current)
            {
                kept.Add(current);
            }
        }

        if (kept.Count < mode.Sample && kept.Count < topic.Count)
        {
            var taken = kept.Select(entry => entry.Identity).ToHashSet();
            foreach (var entry in topic)
            {
                if (taken.Add(entry.Identity))
                {
                    kept.Add(entry);
                    if (kept.Count == mode.Sample)
                    {
                        break;
                    }
                }
            }
        }

        if (!kept.SequenceEqual(_entries, ReferenceEqualityComparer.Instance))
        {
            (_entries, _isDirty) = ([.. kept], true);
        }

        _periods++;
        if (!_isDirty || _periods < AdaptiveMode.SamplePeriods)
        {
            return false;
        }

        (_periods, _isDirty) = (0, false);
        return true;
    }
}
