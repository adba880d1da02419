using Presence.Tracker;

namespace Presence.TestKit;

public sealed partial class SimulatedMember
{
    private readonly List<ulong> _processes = [];

    /// <summary>Starts a process that can own presences.</summary>
    /// <returns>Its id, never used before at this member.</returns>
    public ulong StartProcess()
    {
        Require(MemberState.Running);
        _processes.Add(++_lastProcess);
        return _lastProcess;
    }

    /// <summary>Ends a process and with it its presences.</summary>
    /// <returns>How many presences ended.</returns>
    public int EndProcess(ulong process)
    {
        _processes.Remove(process);
        return UntrackAll(process, LeaveReason.ProcessEnded);
    }

    /// <summary>Makes a process present.</summary>
    /// <exception cref="AlreadyTrackedException">It is already; nothing changed.</exception>
    public PresenceEntry Track(ulong process, string topic, string key, PresenceMeta meta = default)
    {
        var slot = new PresenceSlot(process, topic, key);
        return Operate(
            $"track {slot} {meta}",
            expectFailure: Owned.Holds(slot),
            now =>
            {
                var entry = Shard.Track(now, process, topic, key, meta, _effects);
                Owned.Write(_cluster.Now, entry);
                return entry;
            });
    }

    /// <summary>Replaces the metadata of a presence.</summary>
    /// <exception cref="NotTrackedException">There is no such presence; nothing changed.</exception>
    public PresenceEntry Update(ulong process, string topic, string key, PresenceMeta meta) =>
        Update(process, topic, key, _ => meta);

    /// <summary>Replaces the metadata of a presence by what a function makes of it. What it throws is thrown here.</summary>
    /// <exception cref="NotTrackedException">There is no such presence; nothing changed.</exception>
    public PresenceEntry Update(ulong process, string topic, string key, Func<PresenceEntry, PresenceMeta> update)
    {
        var slot = new PresenceSlot(process, topic, key);
        return Operate(
            $"update {slot}",
            expectFailure: !Owned.Holds(slot),
            now =>
            {
                var entry = Shard.Update(now, process, topic, key, update, _effects);
                Owned.Write(_cluster.Now, entry);
                return entry;
            });
    }

    /// <summary>Tracks many at once, or none of them.</summary>
    /// <exception cref="AlreadyTrackedException">One is tracked already; nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> TrackMany(ulong process, IReadOnlyList<TrackRequest> requests) =>
        Operate(
            $"track {requests.Count} p{process}",
            expectFailure: requests.Any(r => Owned.Holds(new PresenceSlot(process, r.Topic, r.Key))),
            now => Written(Shard.TrackMany(now, process, requests, _effects)));

    /// <summary>Updates many at once, or none of them.</summary>
    /// <exception cref="NotTrackedException">One is not tracked; nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> UpdateMany(ulong process, IReadOnlyList<TrackRequest> requests) =>
        Operate(
            $"update {requests.Count} p{process}",
            expectFailure: !requests.All(r => Owned.Holds(new PresenceSlot(process, r.Topic, r.Key))),
            now => Written(Shard.UpdateMany(now, process, requests, _effects)));

    /// <summary>Ends one presence; false if it was not there.</summary>
    public bool Untrack(ulong process, string topic, string key)
    {
        var slot = new PresenceSlot(process, topic, key);
        return Operate(
            $"untrack {slot}",
            expectFailure: false,
            now =>
            {
                var ended = Shard.Untrack(now, process, topic, key, _effects);
                _cluster.Expect(this, Owned.End(_cluster.Now, _self, slot), ended, "untrack");
                return ended;
            });
    }

    /// <summary>Ends all presences of a process, which lives on.</summary>
    /// <returns>How many.</returns>
    public int UntrackAll(ulong process) => UntrackAll(process, LeaveReason.Untracked);

    private int UntrackAll(ulong process, LeaveReason reason) =>
        Operate(
            $"untrack all p{process} {reason}",
            expectFailure: false,
            now =>
            {
                var ended = Shard.UntrackAll(now, process, reason, _effects);
                _cluster.Expect(this, Owned.EndProcess(_cluster.Now, _self, process), ended, "untrack all");
                return ended;
            });

    private IReadOnlyList<PresenceEntry> Written(IReadOnlyList<PresenceEntry> entries)
    {
        foreach (var entry in entries)
        {
            Owned.Write(_cluster.Now, entry);
        }

        return entries;
    }

    /// <summary>Runs one operation; one that throws is a step too, and must have changed nothing.</summary>
    private T Operate<T>(string what, bool expectFailure, Func<TimeSpan, T> operation)
    {
        Require(MemberState.Running);
        _cluster.Trace?.Invoke($"{Name} {what}");
        T result = default!;
        Exception? failure = null;
        Step(StepCause.Operation, now =>
        {
            try
            {
                result = operation(now);
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        _cluster.Expect(this, expectFailure, failure is AlreadyTrackedException or NotTrackedException, what);
        return failure is null ? result : throw failure;
    }
}
