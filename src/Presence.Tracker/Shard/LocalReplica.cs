using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>The local replica: the only writer of its dots.</summary>
internal sealed class LocalReplica(
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

    /// <summary>The presences that a session owns after a resume, and that its code has not tracked again.</summary>
    private readonly Dictionary<ulong, HashSet<(string Topic, string Key)>> _inherited = [];
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

    /// <summary>Lets the code of a resumed session track again what the session has.</summary>
    public void BeginRetrack(ulong process)
    {
        var entries = _entries.All(process);
        if (entries.Count > 0)
        {
            _inherited[process] = [.. entries.Select(e => (e.Topic, e.Key))];
        }
    }

    /// <summary>Ends what the code of a resumed session has not tracked again.</summary>
    public int EndRetrack(ulong process, List<PresenceChange> changes)
    {
        if (!_inherited.Remove(process, out var rest))
        {
            return 0;
        }

        var ended = rest.Select(r => TryFind(process, r.Topic, r.Key)).OfType<PresenceEntry>().ToArray();
        Array.ForEach(ended, _entries.Remove);
        End(ended, LeaveReason.Untracked, changes);
        return ended.Length;
    }

    /// <summary>Writes the entries of a session again, under a later generation and with unchanged refs.</summary>
    public int Restamp(ulong process, SessionStamp stamp, List<PresenceChange> changes)
    {
        var count = 0;
        foreach (var entry in _entries.All(process).ToArray())
        {
            if (entry.Stamp is { } before && before.Generation < stamp.Generation)
            {
                Replace(entry, entry.Meta, changes, stamp, entry.RefDot);
                count++;
            }
        }

        return count;
    }

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

    private bool IsInherited(ulong process, string topic, string key) =>
        _inherited.TryGetValue(process, out var rest) && rest.Contains((topic, key));

    /// <summary>Takes over what a resumed session has: as it is if the metadata are equal, else as an update.</summary>
    private PresenceEntry? Inherit(ulong process, TrackRequest request, List<PresenceChange> changes)
    {
        if (!_inherited.TryGetValue(process, out var rest) || !rest.Remove((request.Topic, request.Key)))
        {
            return null;
        }

        var entry = Find(process, request.Topic, request.Key);
        return entry.Meta == request.Meta ? entry : Replace(entry, request.Meta, changes);
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
