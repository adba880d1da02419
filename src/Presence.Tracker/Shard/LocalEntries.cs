using System.Runtime.InteropServices;

namespace Presence.Tracker.Shard;

/// <summary>The local entries, grouped by owning session.</summary>
internal sealed class LocalEntries
{
    /// <summary>Maximum number of entries in a list; a session with more has them by topic and key.</summary>
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
                var many = new EntriesByTopic();
                few.ForEach(many.Add);
                many.Add(entry);
                held = many;
                break;
            default:
                Many(held).Add(entry);
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
            case { } many:
                Many(many).Replace(entry);
                break;
        }
    }

    public void Remove(PresenceEntry entry)
    {
        if (!_byProcess.TryGetValue(entry.Process, out var held))
        {
            return;
        }

        var left = 0;
        switch (held)
        {
            case List<PresenceEntry> few:
                few.Remove(entry);
                left = few.Count;
                break;
            case EntriesByTopic many:
                many.Remove(entry);
                left = many.Count;
                break;
        }

        if (left == 0)
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

        var entries = held as List<PresenceEntry> ?? [.. Many(held).All];
        entries.Sort(static (a, b) => a.Sequence.CompareTo(b.Sequence));
        return entries;
    }

    /// <summary>Returns the entries of a session, lowest sequence first.</summary>
    public IReadOnlyList<PresenceEntry> All(ulong process) => _byProcess.GetValueOrDefault(process) switch
    {
        null => [],
        PresenceEntry one => [one],
        List<PresenceEntry> few => [.. few.OrderBy(static e => e.Sequence)],
        var many => [.. Many(many).All.OrderBy(static e => e.Sequence)],
    };

    /// <summary>Returns the entry of a session in a topic under a key; null if it has none.</summary>
    public PresenceEntry? Find(ulong process, string topic, string key)
    {
        switch (_byProcess.GetValueOrDefault(process))
        {
            case PresenceEntry one:
                return Matches(one, topic, key) ? one : null;
            case List<PresenceEntry> few:
                foreach (var entry in few)
                {
                    if (Matches(entry, topic, key))
                    {
                        return entry;
                    }
                }

                return null;
            case { } many:
                return Many(many).Find(topic, key);
            default:
                return null;
        }
    }

    public void Clear() => _byProcess.Clear();

    private static EntriesByTopic Many(object held) => (EntriesByTopic)held;

    private static bool Matches(PresenceEntry entry, string topic, string key) =>
        string.Equals(entry.Key, key, StringComparison.Ordinal)
        && string.Equals(entry.Topic, topic, StringComparison.Ordinal);
}
