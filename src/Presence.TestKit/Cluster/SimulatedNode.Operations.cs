using Presence.Tracker;

namespace Presence.TestKit;

public sealed partial class SimulatedNode
{
    private readonly List<ulong> _processes = [];

    /// <summary>Starts a session, which can own presences.</summary>
    /// <returns>Its number, unique on this node.</returns>
    public ulong OpenSession()
    {
        Require(SimulatedNodeState.Running);
        _processes.Add(++_lastProcess);
        return _lastProcess;
    }

    /// <summary>Ends a session and its presences.</summary>
    /// <returns>The number of ended presences.</returns>
    public int EndSession(ulong process)
    {
        _processes.Remove(process);
        return UntrackAll(process, LeaveReason.SessionEnded);
    }

    /// <summary>Tracks a presence.</summary>
    /// <exception cref="AlreadyTrackedException">It exists already; nothing changed.</exception>
    public PresenceEntry Track(ulong process, string topic, string key, PresenceMeta meta = default)
    {
        var slot = new PresenceSlot(process, topic, key);
        return Operate(
            $"track {slot} {meta}",
            expectFailure: Local.Holds(slot),
            now =>
            {
                var entry = Shard.Track(now, process, topic, key, meta, _effects);
                Local.Write(_cluster.Now, entry);
                return entry;
            });
    }

    /// <summary>Replaces the metadata of a presence.</summary>
    /// <exception cref="NotTrackedException">There is no such presence; nothing changed.</exception>
    public PresenceEntry Update(ulong process, string topic, string key, PresenceMeta meta) =>
        Update(process, topic, key, _ => meta);

    /// <summary>Replaces the metadata of a presence by the result of a function. Rethrows its exceptions.</summary>
    /// <exception cref="NotTrackedException">There is no such presence; nothing changed.</exception>
    public PresenceEntry Update(ulong process, string topic, string key, Func<PresenceEntry, PresenceMeta> update)
    {
        var slot = new PresenceSlot(process, topic, key);
        return Operate(
            $"update {slot}",
            expectFailure: !Local.Holds(slot),
            now =>
            {
                var entry = Shard.Update(now, process, topic, key, update, _effects);
                Local.Write(_cluster.Now, entry);
                return entry;
            });
    }

    /// <summary>Tracks all, or none.</summary>
    /// <exception cref="AlreadyTrackedException">One is tracked already; nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> TrackMany(ulong process, IReadOnlyList<TrackRequest> requests) =>
        Operate(
            $"track {requests.Count} p{process}",
            expectFailure: requests.Any(r => Local.Holds(new PresenceSlot(process, r.Topic, r.Key))),
            now => Written(Shard.TrackMany(now, process, requests, _effects)));

    /// <summary>Updates all, or none.</summary>
    /// <exception cref="NotTrackedException">One is not tracked; nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> UpdateMany(ulong process, IReadOnlyList<TrackRequest> requests) =>
        Operate(
            $"update {requests.Count} p{process}",
            expectFailure: !requests.All(r => Local.Holds(new PresenceSlot(process, r.Topic, r.Key))),
            now => Written(Shard.UpdateMany(now, process, requests, _effects)));

    /// <summary>Ends one presence; returns false if it does not exist.</summary>
    public bool Untrack(ulong process, string topic, string key)
    {
        var slot = new PresenceSlot(process, topic, key);
        return Operate(
            $"untrack {slot}",
            expectFailure: false,
            now =>
            {
                var ended = Shard.Untrack(now, process, topic, key, _effects);
                _cluster.Expect(this, Local.End(_cluster.Now, _self, slot), ended, "untrack");
                return ended;
            });
    }

    /// <summary>Ends all presences of a session, which stays open.</summary>
    /// <returns>The number of ended presences.</returns>
    public int UntrackAll(ulong process) => UntrackAll(process, LeaveReason.Untracked);

    private int UntrackAll(ulong process, LeaveReason reason) =>
        Operate(
            $"untrack all p{process} {reason}",
            expectFailure: false,
            now =>
            {
                var ended = Shard.UntrackAll(now, process, reason, _effects);
                _cluster.Expect(this, Local.EndProcess(_cluster.Now, _self, process), ended, "untrack all");
                return ended;
            });

    private IReadOnlyList<PresenceEntry> Written(IReadOnlyList<PresenceEntry> entries)
    {
        foreach (var entry in entries)
        {
            Local.Write(_cluster.Now, entry);
        }

        return entries;
    }

    /// <summary>Runs one operation. If it throws, it is a step too and must not have changed anything.</summary>
    private T Operate<T>(string what, bool expectFailure, Func<TimeSpan, T> operation)
    {
        Require(SimulatedNodeState.Running);
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
