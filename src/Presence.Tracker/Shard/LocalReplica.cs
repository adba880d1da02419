using Presence.Crdt;
using Presence.Tracker.Index;
using Presence.Tracker.Sessions;

namespace Presence.Tracker.Shard;

/// <summary>
/// The local replica: the only writer of its dots. A change goes to the replicated map, to the visible presences and to
/// the delta that is sent next.
/// </summary>
internal sealed partial class LocalReplica(
    ReplicaId self,
    AddWinsMap<PresenceEntry> map,
    PresenceIndex index,
    SessionView sessions,
    PresenceLimits limits,
    TimeSpan deltaDelay,
    FrameBounds bounds,
    Func<int> peers)
{
    private const int SharedArrayLength = 64;

    private readonly LocalEntries _entries = new();

    /// <summary>The processes of resumable sessions.</summary>
    private readonly HashSet<ulong> _sessions = [];

    private Memory<ulong> _free;
    private ReplicaState<PresenceEntry> _dots = map.Hold(self);

    public ReplicaId Id { get; private set; } = self;

    public DeltaBuffer DeltaBuffer { get; private set; } = new(deltaDelay, bounds, peers);

    public ReplicaState<PresenceEntry> Dots => _dots;

    /// <summary>Gets the last used sequence number.</summary>
    public ulong Counter => _dots.Context.Max;

    /// <summary>Gets the number of resumable sessions that have tracked here and not ended.</summary>
    public int SessionCount => _sessions.Count;

    /// <summary>Throws if the entry exists already or the request breaks a limit.</summary>
    public void CheckTrack(ulong process, TrackRequest request)
    {
        CheckLimits(request);
        if (TryFind(process, request.Topic, request.Key) is not null
            && !IsInherited(process, request.Topic, request.Key))
        {
            throw new AlreadyTrackedException(request.Topic, request.Key);
        }
    }

    /// <summary>Checks many requests, of which no two may name the same entry.</summary>
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

    public PresenceEntry? TryFind(ulong process, string topic, string key) => _entries.Find(process, topic, key);

    public void CheckLimits(TrackRequest request)
    {
        limits.CheckTopic(request.Topic);
        limits.CheckKey(request.Key);
        if (request.Meta.Length > limits.MaxMetaBytes)
        {
            throw new PresenceLimitException("metadata", request.Meta.Length, limits.MaxMetaBytes);
        }
    }

    /// <summary>Adds a checked entry.</summary>
    public PresenceEntry Join(
        ulong process, TrackRequest request, List<PresenceChange> changes, SessionStamp? stamp = null,
        RefDot refDot = default)
    {
        if (_inherited.Count > 0 && Inherit(process, request, changes) is { } inherited)
        {
            return inherited;
        }

        var sequence = Counter + 1;
        var entry = new PresenceEntry(
            Id, sequence, sequence, 0, process, index.Intern(request.Topic), request.Key, request.Meta, stamp, refDot);
        _entries.Add(entry);
        if (stamp is not null)
        {
            _sessions.Add(process);
            WriteToSession(entry, changes);
            return entry;
        }

        changes.Add(PresenceChange.Joined(entry, Write(entry, isNew: true)));
        return entry;
    }

    public IReadOnlyList<PresenceEntry> EntriesOf(ulong process) => _entries.All(process);

    /// <summary>Replaces the metadata: one dot removes the old version, one adds the new.</summary>
    public PresenceEntry Replace(
        PresenceEntry old, PresenceMeta meta, List<PresenceChange> changes, SessionStamp? stamp = null,
        RefDot refDot = default)
    {
        DeltaBuffer.Superseded(old);
        var removed = Allocate(1);
        removed.Span[0] = old.Sequence;
        Remove(new Removal(Counter + 1, (byte)LeaveReason.Replaced, removed));
        var entry = new PresenceEntry(
            Id, Counter + 1, old.CreatedSequence, old.Sequence, old.Process, old.Topic, old.Key, meta,
            stamp ?? old.Stamp, refDot);
        _entries.Replace(old, entry);
        if (entry.Stamp is not null)
        {
            WriteToSession(entry, changes);
            return entry;
        }

        Write(entry, isNew: false);
        changes.Add(PresenceChange.Updated(old, entry));
        return entry;
    }

    public void End(PresenceEntry entry, LeaveReason reason, List<PresenceChange> changes)
    {
        _entries.Remove(entry);
        End([entry], reason, changes);
    }

    /// <summary>Ends all entries of a session.</summary>
    public int EndAll(ulong process, LeaveReason reason, List<PresenceChange> changes)
    {
        var entries = _entries.RemoveAll(process);
        _inherited.Remove(process);
        _sessions.Remove(process);
        End(entries, reason, changes);
        return entries.Count;
    }

    private void End(IReadOnlyList<PresenceEntry> entries, LeaveReason reason, List<PresenceChange> changes)
    {
        for (var at = 0; at < entries.Count; at += bounds.RemovedDots)
        {
            var removed = Allocate(Math.Min(bounds.RemovedDots, entries.Count - at));
            for (var i = 0; i < removed.Length; i++)
            {
                var entry = entries[at + i];
                removed.Span[i] = entry.Sequence;
                DeltaBuffer.Ended(entry);
                if (entry.Stamp is not null)
                {
                    sessions.Remove(entry, entry, reason, isCertain: true, changes);
                    continue;
                }

                changes.Add(PresenceChange.Left(entry, entry, reason, index.Remove(entry)));
            }

            Remove(new Removal(Counter + 1, (byte)reason, removed));
        }
    }

    /// <summary>Continues under another incarnation: every entry gets a new dot.</summary>
    public void RestartAs(ReplicaId id, List<PresenceChange> changes)
    {
        var old = _dots;
        map.Forget(Id);
        _entries.Clear();
        _inherited.Clear();
        Id = id;
        _dots = map.Hold(id);
        DeltaBuffer = new DeltaBuffer(deltaDelay, bounds, peers);
        foreach (var sequence in old.LiveSequences())
        {
            var entry = old.Live[sequence];
            if (entry.Stamp is not null)
            {
                sessions.Remove(entry, entry, LeaveReason.Replaced, isCertain: true, changes);
            }
            else
            {
                changes.Add(PresenceChange.Left(entry, entry, LeaveReason.Replaced, index.Remove(entry)));
            }

            var request = new TrackRequest(entry.Topic, entry.Key, entry.Meta);
            Join(entry.Process, request, changes, entry.Stamp, entry.Stamp is null ? default : entry.RefDot);
        }
    }

    /// <summary>
    /// Returns space for the dots of a removal. Most removals name one dot, and a separate array would take three times
    /// its size. The log drops removals in order, and with them the shared arrays.
    /// </summary>
    private Memory<ulong> Allocate(int dots)
    {
        if (dots > _free.Length)
        {
            _free = new ulong[Math.Max(dots, SharedArrayLength)];
        }

        var allocated = _free[..dots];
        _free = _free[dots..];
        return allocated;
    }

    private void WriteToSession(PresenceEntry entry, List<PresenceChange> changes)
    {
        _dots.Add(entry.Sequence, entry);
        DeltaBuffer.Joined(entry);
        sessions.Set(entry, changes);
    }

    private bool Write(PresenceEntry entry, bool isNew)
    {
        _dots.Add(entry.Sequence, entry);
        DeltaBuffer.Joined(entry);
        return index.Set(entry, isNew);
    }

    /// <summary>Gets or sets a defect for the simulation.</summary>
    public ShardDefect Planted { get; set; }

    private void Remove(Removal removal)
    {
        if (Planted == ShardDefect.RemovalWithoutTick)
        {
            foreach (var removed in removal.Removed.Span)
            {
                _dots.MarkRemoved(new Interval(removed, removed));
            }

            DeltaBuffer.RemovedWithoutTick(removal);
            return;
        }

        _dots.Remove(removal);
        DeltaBuffer.Removed(removal);
    }
}

/// <summary>Buffers local changes, coalesced to their net effect, until they are broadcast.</summary>
/// <remarks>
/// The first change of an idle shard is due at once. The delay of later ones grows with what it saves: a frame to each
/// peer, and the cost of a frame for each change.
/// </remarks>
/// <param name="maxDelay">The delay with many peers or many changes.</param>
/// <param name="bounds">The size from which on the buffer is full.</param>
/// <param name="peers">Returns the number of peers.</param>
internal sealed class DeltaBuffer(TimeSpan maxDelay, FrameBounds bounds, Func<int> peers)
{
    /// <summary>Number of peers from which on the delay is the whole <c>maxDelay</c>.</summary>
    private const double ManyPeers = 20;

    /// <summary>Number of changed dots of a frame after which the delay is the whole <c>maxDelay</c>.</summary>
    private const double ManyDots = 30;

    private ReplicaState<PresenceEntry> _delta = new();
    private TimeSpan _lastSent = TimeSpan.MinValue;
    private int _lastDots;
    private int _dots;
    private int _bytes;

    /// <summary>Gets when the buffered changes must be sent; null if there are none.</summary>
    public TimeSpan? Due => _dots == 0 ? null : _lastSent == TimeSpan.MinValue ? TimeSpan.Zero : _lastSent + Delay;

    public bool IsEmpty => _dots == 0;

    /// <summary>Gets the last local sequence number that was announced.</summary>
    public ulong Announced { get; private set; }

    public bool IsFull => _dots >= bounds.DeltaDots || _bytes >= bounds.DeltaBytes;

    /// <summary>Without peers nothing is buffered: a new node requests the whole state.</summary>
    private bool IsIdle => IsEmpty && peers() == 0;

    private TimeSpan Delay => maxDelay * Math.Min(1, (peers() / ManyPeers) + (_lastDots / ManyDots));

    public void Joined(PresenceEntry entry)
    {
        if (IsIdle)
        {
            Announced = entry.Sequence;
            return;
        }

        _delta.Add(entry.Sequence, entry);
        Count(1, entry);
    }

    /// <summary>Records the end of an entry. Call before <see cref="Removed"/>.</summary>
    public void Ended(PresenceEntry entry)
    {
        // An unsent version is dropped, but sent as the final version of an entry that others know, or whose
        // predecessor of the same session they may show.
        if (_delta.RemoveUnsent(entry.Sequence, out _)
            && (entry.CreatedSequence <= Announced || entry.Stamp is not null))
        {
            _delta.AddFinal(entry.Sequence, entry);
        }
    }

    /// <summary>Drops a version that a newer one replaces. Call before <see cref="Removed"/>.</summary>
    public void Superseded(PresenceEntry entry) => _delta.RemoveUnsent(entry.Sequence, out _);

    /// <summary>Adds the removal of ended or superseded versions.</summary>
    public void Removed(Removal removal)
    {
        if (IsIdle)
        {
            Announced = removal.Tick;
            return;
        }

        _delta.Remove(removal);
        Count(1 + removal.Removed.Length, null);
    }

    /// <summary>Adds a defect for the simulation: see <see cref="ShardDefect.RemovalWithoutTick"/>.</summary>
    public void RemovedWithoutTick(Removal removal)
    {
        foreach (var removed in removal.Removed.Span)
        {
            _delta.MarkRemoved(new Interval(removed, removed));
        }

        Count(removal.Removed.Length, null);
    }

    /// <summary>Returns the buffered changes and empties the buffer.</summary>
    /// <param name="now">The time.</param>
    /// <param name="counter">The last local sequence number.</param>
    public ReplicaState<PresenceEntry> Drain(TimeSpan now, ulong counter)
    {
        Announced = counter;
        var delta = _delta;
        _delta = new();
        (_lastSent, _lastDots) = (now, _dots);
        _dots = _bytes = 0;
        return delta;
    }

    private void Count(int dots, PresenceEntry? entry)
    {
        _dots += dots;
        _bytes += entry is null ? 16 : entry.Meta.Length + entry.Key.Length + entry.Topic.Length + 16;
    }
}
