using System.Runtime.InteropServices;

namespace Presence.Tracker;

/// <summary>The local entries, grouped by owning session.</summary>
internal sealed class LocalEntries
{
    /// <summary>Maximum number of entries in a list; a session with more uses a hash set.</summary>
    private const int Few = 24;

    // Most sessions have one entry, which is stored without a collection; many have a few.
    private readonly Dictionary<ulong, object> _byProcess = [];

    public void Add(PresenceEntry entry)
    {
        ref var held = ref CollectionsMarshal.GetValueRefOrAddDefault(_byProcess, entry.Process, out _);
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

    /// <summary>Replaces an entry by its new version.</summary>
    public void Replace(PresenceEntry old, PresenceEntry entry)
    {
        ref var held = ref CollectionsMarshal.GetValueRefOrAddDefault(_byProcess, old.Process, out _);
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

    /// <summary>Removes and returns all entries of a session, lowest sequence first.</summary>
    public IReadOnlyList<PresenceEntry> RemoveAll(ulong process)
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

    /// <summary>Returns the entries of a session, lowest sequence first.</summary>
    public IReadOnlyList<PresenceEntry> All(ulong process) => _byProcess.GetValueOrDefault(process) switch
    {
        null => [],
        PresenceEntry one => [one],
        var held => [.. ((IEnumerable<PresenceEntry>)held).OrderBy(static e => e.Sequence)],
    };

    /// <summary>Finds the entry of a session in a topic under a key.</summary>
    /// <returns>False if the session has too many entries to search.</returns>
    public bool TryFind(ulong process, string topic, string key, out PresenceEntry? found)
    {
        found = null;
        if (!_byProcess.TryGetValue(process, out var held))
        {
            return true;
        }

        if (held is PresenceEntry one)
        {
            found = Matches(one, topic, key) ? one : null;
            return true;
        }

        if (held is not List<PresenceEntry> few)
        {
            return false;
        }

        foreach (var entry in few)
        {
            if (Matches(entry, topic, key))
            {
                found = entry;
            }
        }

        return true;
    }

    public void Clear() => _byProcess.Clear();

    private static bool Matches(PresenceEntry entry, string topic, string key) =>
        string.Equals(entry.Key, key, StringComparison.Ordinal)
        && string.Equals(entry.Topic, topic, StringComparison.Ordinal);
}
