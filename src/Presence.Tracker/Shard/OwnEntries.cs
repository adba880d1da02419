namespace Presence.Tracker;

/// <summary>This replica's own entries by process: what ends with it.</summary>
internal sealed class OwnEntries
{
    /// <summary>Entries of one process beyond which a list takes too long to look through.</summary>
    private const int Few = 24;

    // Most processes have one entry, which then costs no collection; many have a few.
    private readonly Dictionary<ulong, object> _byProcess = [];

    public void Add(PresenceEntry entry)
    {
        ref var held = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_byProcess, entry.Process, out _);
        switch (held)
        {
            case null:
                held = entry;
                break;
            case PresenceEntry one:
                held = new List<PresenceEntry>(4) { one, entry };
                break;
            case List<PresenceEntry> { Count: < Few } few:
                few.Add(entry);
                break;
            case List<PresenceEntry> few:
                held = new HashSet<PresenceEntry>(few, ReferenceEqualityComparer.Instance) { entry };
                break;
            default:
                ((HashSet<PresenceEntry>)held).Add(entry);
                break;
        }
    }

    /// <summary>A new version of an entry takes the place of the old one.</summary>
    public void Replace(PresenceEntry old, PresenceEntry entry)
    {
        ref var held = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_byProcess, old.Process, out _);
        switch (held)
        {
            case PresenceEntry:
                held = entry;
                break;
            case List<PresenceEntry> few:
                few[few.IndexOf(old)] = entry;
                break;
            case HashSet<PresenceEntry> many:
                many.Remove(old);
                many.Add(entry);
                break;
        }
    }

    public void Remove(PresenceEntry entry)
    {
        if (!_byProcess.TryGetValue(entry.Process, out var held))
        {
            return;
        }

        var isLast = held switch
        {
            List<PresenceEntry> few => few.Remove(entry) && few.Count == 0,
            HashSet<PresenceEntry> many => many.Remove(entry) && many.Count == 0,
            _ => true,
        };
        if (isLast)
        {
            _byProcess.Remove(entry.Process);
        }
    }

    /// <summary>Takes all of a process, oldest version first.</summary>
    public IReadOnlyList<PresenceEntry> Take(ulong process)
    {
        if (!_byProcess.Remove(process, out var held))
        {
            return [];
        }

        if (held is PresenceEntry one)
        {
            return [one];
        }

        var entries = held as List<PresenceEntry> ?? [.. (HashSet<PresenceEntry>)held];
        entries.Sort(static (a, b) => a.Sequence.CompareTo(b.Sequence));
        return entries;
    }

    /// <summary>The entry of a process in a topic under a key.</summary>
    /// <returns>False if the process has too many to look through.</returns>
    public bool TryFind(ulong process, string topic, string key, out PresenceEntry? found)
    {
        found = null;
        if (!_byProcess.TryGetValue(process, out var held))
        {
            return true;
        }

        if (held is PresenceEntry one)
        {
            found = Is(one, topic, key) ? one : null;
            return true;
        }

        if (held is not List<PresenceEntry> few)
        {
            return false;
        }

        foreach (var entry in few)
        {
            if (Is(entry, topic, key))
            {
                found = entry;
            }
        }

        return true;
    }

    public void Clear() => _byProcess.Clear();

    private static bool Is(PresenceEntry entry, string topic, string key) =>
        string.Equals(entry.Key, key, StringComparison.Ordinal) && string.Equals(entry.Topic, topic, StringComparison.Ordinal);
}
