using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit.Cluster;

/// <summary>One version of a presence on its own node.</summary>
internal readonly record struct LocalVersion(ulong Sequence, PresenceMeta Meta, TimeSpan Since);

/// <summary>A written version, or the last version of an ended presence.</summary>
internal readonly record struct LocalChange(TimeSpan At, PresenceSlot Slot, ulong Sequence, bool Ended);

/// <summary>The model of one node start: the presences of its open sessions, as a plain dictionary.</summary>
internal sealed class LocalPresences
{
    private readonly Dictionary<PresenceSlot, LocalVersion> _held = [];
    private readonly Dictionary<PresenceSlot, ulong> _lastEnded = [];
    private readonly Dictionary<PresenceId, ulong> _ended = [];

    public IReadOnlyDictionary<PresenceSlot, LocalVersion> Held => _held;

    /// <summary>Gets all changes of the current incarnation, in order.</summary>
    public List<LocalChange> Log { get; } = [];

    public bool Holds(PresenceSlot slot) => _held.ContainsKey(slot);

    /// <summary>Returns whether the presence ended with this version or a later one.</summary>
    public bool HasEndedSince(PresenceSlot slot, ulong sequence) => _lastEnded.GetValueOrDefault(slot) >= sequence;

    /// <summary>Returns whether the session ended the presence in this version or a later one.</summary>
    public bool WasEnded(PresenceEntry entry) => _ended.GetValueOrDefault(PresenceId.Of(entry)) >= entry.Sequence;

    public void Write(TimeSpan now, PresenceEntry entry)
    {
        var slot = PresenceSlot.Of(entry);
        _held[slot] = new LocalVersion(entry.Sequence, entry.Meta, now);
        Log.Add(new LocalChange(now, slot, entry.Sequence, Ended: false));
    }

    public bool End(TimeSpan now, ReplicaId self, PresenceSlot slot)
    {
        if (!_held.Remove(slot, out var version))
        {
            return false;
        }

        _lastEnded[slot] = version.Sequence;
        _ended[new PresenceId(self, slot)] = version.Sequence;
        Log.Add(new LocalChange(now, slot, version.Sequence, Ended: true));
        return true;
    }

    /// <summary>Ends the presences of a session in some of the topics.</summary>
    public int EndProcess(TimeSpan now, ReplicaId self, ulong process, Func<string, bool> isOfTopics)
    {
        var slots = _held.Keys.Where(slot => slot.Process == process && isOfTopics(slot.Topic)).ToList();
        foreach (var slot in slots)
        {
            End(now, self, slot);
        }

        return slots.Count;
    }

    public void Clear() => _held.Clear();

    /// <summary>Renumbers all presences after a change of incarnation.</summary>
    public void Renumber(TimeSpan now, ReplicaId self, ShownPresences shown)
    {
        Log.Clear();
        _lastEnded.Clear();
        foreach (var slot in _held.Keys.ToList())
        {
            if (shown.Find(new PresenceId(self, slot)) is { } entry)
            {
                Write(now, entry);
            }
        }
    }
}
