namespace Presence.Tracker;

/// <summary>This replica's own entries by process: what ends with it.</summary>
internal sealed class OwnEntries
{
    // Most processes have one entry, which then costs no set.
    private readonly Dictionary<ulong, object> _byProcess = [];

    public void Add(PresenceEntry entry)
    {
        if (!_byProcess.TryGetValue(entry.Process, out var held))
        {
            _byProcess.Add(entry.Process, entry);
        }
        else if (held is HashSet<PresenceEntry> set)
        {
            set.Add(entry);
        }
        else
        {
            _byProcess[entry.Process] = new HashSet<PresenceEntry>(ReferenceEqualityComparer.Instance)
            {
                (PresenceEntry)held,
                entry,
            };
        }
    }

    public void Remove(PresenceEntry entry)
    {
        if (!_byProcess.TryGetValue(entry.Process, out var held))
        {
            return;
        }

        if (held is not HashSet<PresenceEntry> set)
        {
            _byProcess.Remove(entry.Process);
        }
        else if (set.Remove(entry) && set.Count == 0)
        {
            _byProcess.Remove(entry.Process);
        }
    }

    /// <summary>The process's entries, oldest version first.</summary>
    public IReadOnlyList<PresenceEntry> Of(ulong process)
    {
        if (!_byProcess.TryGetValue(process, out var held))
        {
            return [];
        }

        if (held is PresenceEntry one)
        {
            return [one];
        }

        var entries = ((HashSet<PresenceEntry>)held).ToArray();
        Array.Sort(entries, (a, b) => a.Sequence.CompareTo(b.Sequence));
        return entries;
    }

    public void Clear() => _byProcess.Clear();
}
