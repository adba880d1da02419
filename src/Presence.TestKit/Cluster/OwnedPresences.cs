using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>One version of a presence, as its own member has it.</summary>
internal readonly record struct OwnedVersion(ulong Sequence, PresenceMeta Meta, TimeSpan Since);

/// <summary>A version was written, or a presence ended with this version.</summary>
internal readonly record struct OwnedChange(TimeSpan At, PresenceSlot Slot, ulong Sequence, bool Ended);

/// <summary>The model of one start of a member: what its living processes hold, as a plain dictionary.</summary>
internal sealed class OwnedPresences
{
    private readonly Dictionary<PresenceSlot, OwnedVersion> _held = [];
    private readonly Dictionary<PresenceSlot, ulong> _lastEnded = [];
    private readonly Dictionary<PresenceId, ulong> _ended = [];

    public IReadOnlyDictionary<PresenceSlot, OwnedVersion> Held => _held;

    /// <summary>Every change of the present incarnation, in order.</summary>
    public List<OwnedChange> Log { get; } = [];

    public bool Holds(PresenceSlot slot) => _held.ContainsKey(slot);

    /// <summary>Whether the presence ended with this version or a later one.</summary>
    public bool HasEndedSince(PresenceSlot slot, ulong sequence) => _lastEnded.GetValueOrDefault(slot) >= sequence;

    /// <summary>Whether the process ended the presence in this version or, unseen by others, in a later one.</summary>
    public bool WasEnded(PresenceEntry entry) => _ended.GetValueOrDefault(PresenceId.Of(entry)) >= entry.Sequence;

    public void Write(TimeSpan now, PresenceEntry entry)
    {
        var slot = PresenceSlot.Of(entry);
        _held[slot] = new OwnedVersion(entry.Sequence, entry.Meta, now);
        Log.Add(new OwnedChange(now, slot, entry.Sequence, Ended: false));
    }

    public bool End(TimeSpan now, ReplicaId self, PresenceSlot slot)
    {
        if (!_held.Remove(slot, out var version))
        {
            return false;
        }

        _lastEnded[slot] = version.Sequence;
        _ended[new PresenceId(self, slot)] = version.Sequence;
        Log.Add(new OwnedChange(now, slot, version.Sequence, Ended: true));
        return true;
    }

    public int EndProcess(TimeSpan now, ReplicaId self, ulong process)
    {
        var slots = _held.Keys.Where(slot => slot.Process == process).ToList();
        foreach (var slot in slots)
        {
            End(now, self, slot);
        }

        return slots.Count;
    }

    public void Clear() => _held.Clear();

    /// <summary>The member goes on under another incarnation: the same presences have new versions.</summary>
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
