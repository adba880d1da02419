using System.Text;
using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>The entries of this member: the only place where dots of this replica are made and removed.</summary>
internal sealed class OwnReplica(
    ReplicaId self,
    AddWinsMap<PresenceEntry> map,
    PresenceIndex index,
    PresenceLimits limits,
    TimeSpan deltaDelay,
    FrameBounds bounds,
    Func<bool> isHeard)
{
    private const int NumbersTogether = 64;

    private readonly OwnEntries _entries = new();
    private Memory<ulong> _numbers;
    private ReplicaDots<PresenceEntry> _dots = map.Hold(self);

    public ReplicaId Id { get; private set; } = self;

    public Outbox Outbox { get; private set; } = new(deltaDelay, bounds, isHeard);

    public ReplicaDots<PresenceEntry> Dots => _dots;

    /// <summary>The last sequence number used.</summary>
    public ulong Counter => _dots.Context.Max;

    /// <summary>Throws if the process is already there or the request breaks a limit.</summary>
    public void CheckTrack(ulong process, TrackRequest request)
    {
        CheckLimits(request);
        if (TryFind(process, request.Topic, request.Key) is not null)
        {
            throw new AlreadyTrackedException(request.Topic, request.Key);
        }
    }

    /// <summary>The same for many, of which none may be named twice.</summary>
    public void CheckTrackMany(ulong process, IReadOnlyList<TrackRequest> requests)
    {
        var seen = new HashSet<(string, string)>();
        foreach (var request in requests)
        {
            CheckTrack(process, request);
            if (!seen.Add((request.Topic, request.Key)))
            {
                throw new AlreadyTrackedException(request.Topic, request.Key);
            }
        }
    }

    public PresenceEntry Find(ulong process, string topic, string key) =>
        TryFind(process, topic, key) ?? throw new NotTrackedException(topic, key);

    public PresenceEntry? TryFind(ulong process, string topic, string key) =>
        _entries.TryFind(process, topic, key, out var found) ? found : index.Find(topic, key, Id, process);

    public void CheckLimits(TrackRequest request)
    {
        CheckText("topic", request.Topic, limits.MaxTopicBytes);
        CheckText("key", request.Key, limits.MaxKeyBytes);
        if (request.Meta.Length > limits.MaxMetaBytes)
        {
            throw new PresenceLimitException("metadata", request.Meta.Length, limits.MaxMetaBytes);
        }
    }

    /// <summary>Joins what was checked.</summary>
    public PresenceEntry Join(ulong process, TrackRequest request, List<PresenceChange> changes)
    {
        var sequence = Counter + 1;
        var entry = new PresenceEntry(
            Id, sequence, sequence, 0, process, index.Interned(request.Topic), request.Key, request.Meta);
        _entries.Add(entry);
        Write(entry, isNew: true);
        changes.Add(PresenceChange.Joined(entry));
        return entry;
    }

    /// <summary>Replaces the metadata: one dot for the removal of the old version, one for the new.</summary>
    public PresenceEntry Replace(PresenceEntry old, PresenceMeta meta, List<PresenceChange> changes)
    {
        Outbox.Superseded(old);
        var removed = RoomFor(1);
        removed.Span[0] = old.Sequence;
        Remove(new Removal(Counter + 1, (byte)LeaveReason.Replaced, removed));
        var entry = new PresenceEntry(
            Id, Counter + 1, old.Born, old.Sequence, old.Process, old.Topic, old.Key, meta);
        _entries.Replace(old, entry);
        Write(entry, isNew: false);
        changes.Add(PresenceChange.Updated(old, entry));
        return entry;
    }

    public void End(PresenceEntry entry, LeaveReason reason, List<PresenceChange> changes)
    {
        _entries.Remove(entry);
        End([entry], reason, changes);
    }

    /// <summary>Ends all of a process.</summary>
    public int EndAll(ulong process, LeaveReason reason, List<PresenceChange> changes)
    {
        var entries = _entries.Take(process);
        End(entries, reason, changes);
        return entries.Count;
    }

    private void End(IReadOnlyList<PresenceEntry> entries, LeaveReason reason, List<PresenceChange> changes)
    {
        for (var at = 0; at < entries.Count; at += bounds.RemovedDots)
        {
            var removed = RoomFor(Math.Min(bounds.RemovedDots, entries.Count - at));
            for (var i = 0; i < removed.Length; i++)
            {
                var entry = entries[at + i];
                removed.Span[i] = entry.Sequence;
                Outbox.Ended(entry);
                index.Remove(entry);
                changes.Add(PresenceChange.Left(entry, entry, reason));
            }

            Remove(new Removal(Counter + 1, (byte)reason, removed));
        }
    }

    /// <summary>Goes on under another incarnation: every entry gets a new dot.</summary>
    public void RestartAs(ReplicaId id, List<PresenceChange> changes)
    {
        var old = _dots;
        map.Forget(Id);
        _entries.Clear();
        Id = id;
        _dots = map.Hold(id);
        Outbox = new Outbox(deltaDelay, bounds, isHeard);
        foreach (var sequence in old.LiveSequences())
        {
            var entry = old.Live[sequence];
            index.Remove(entry);
            changes.Add(PresenceChange.Left(entry, entry, LeaveReason.Replaced));
            Join(entry.Process, new TrackRequest(entry.Topic, entry.Key, entry.Meta), changes);
        }
    }

    /// <summary>
    /// Room for the numbers that a removal names. Most name one, and an array of its own would be three times as large as the number;
    /// the log lets go of removals in their order, and so of the arrays that they share.
    /// </summary>
    private Memory<ulong> RoomFor(int numbers)
    {
        if (numbers > _numbers.Length)
        {
            _numbers = new ulong[Math.Max(numbers, NumbersTogether)];
        }

        var room = _numbers[..numbers];
        _numbers = _numbers[numbers..];
        return room;
    }

    private void Write(PresenceEntry entry, bool isNew)
    {
        _dots.Add(entry.Sequence, entry);
        Outbox.Joined(entry);
        index.Set(entry, isNew);
    }

    /// <summary>For the simulation alone.</summary>
    public ShardDefect Planted { get; set; }

    private void Remove(Removal removal)
    {
        if (Planted == ShardDefect.RemovalWithoutTick)
        {
            foreach (var dead in removal.Removed.Span)
            {
                _dots.Kill(new Interval(dead, dead));
            }

            Outbox.RemovedWithoutTick(removal);
            return;
        }

        _dots.Remove(removal);
        Outbox.Removed(removal);
    }

    private static void CheckText(string what, string text, int limit)
    {
        ArgumentNullException.ThrowIfNull(text, what);
        // A UTF-16 unit takes at most three bytes, so most texts need no count.
        if (text.Length == 0 || text.Length > limit / 3)
        {
            var size = Encoding.UTF8.GetByteCount(text);
            if (size == 0 || size > limit)
            {
                throw new PresenceLimitException(what, size, limit);
            }
        }
    }
}
