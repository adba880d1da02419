using Presence.TestKit.Cluster;
using Presence.Tracker;
using Presence.Tracker.Shard;

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
            ShardOf(topic),
            now =>
            {
                var entry = ShardOf(topic).Track(now, process, topic, key, meta, _effects);
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
            ShardOf(topic),
            now =>
            {
                var entry = ShardOf(topic).Update(now, process, topic, key, update, _effects);
                Local.Write(_cluster.Now, entry);
                return entry;
            });
    }

    /// <summary>Tracks all, or none.</summary>
    /// <exception cref="AlreadyTrackedException">One is tracked already; nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> TrackMany(ulong process, IReadOnlyList<TrackRequest> requests) =>
        Change(
            $"track {requests.Count} p{process}",
            expectFailure: requests.Any(r => Local.Holds(new PresenceSlot(process, r.Topic, r.Key))),
            requests,
            (shard, part) => shard.CheckTrackMany(process, part),
            (shard, now, part) => shard.TrackMany(now, process, part, _effects));

    /// <summary>Updates all, or none.</summary>
    /// <exception cref="NotTrackedException">One is not tracked; nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> UpdateMany(ulong process, IReadOnlyList<TrackRequest> requests) =>
        Change(
            $"update {requests.Count} p{process}",
            expectFailure: !requests.All(r => Local.Holds(new PresenceSlot(process, r.Topic, r.Key))),
            requests,
            (shard, part) => shard.CheckUpdateMany(process, part),
            (shard, now, part) => shard.UpdateMany(now, process, part, _effects));

    /// <summary>Ends one presence; returns false if it does not exist.</summary>
    public bool Untrack(ulong process, string topic, string key)
    {
        var slot = new PresenceSlot(process, topic, key);
        return Operate(
            $"untrack {slot}",
            expectFailure: false,
            ShardOf(topic),
            now =>
            {
                var ended = ShardOf(topic).Untrack(now, process, topic, key, _effects);
                _cluster.Expect(this, Local.End(_cluster.Now, _self, slot), ended, "untrack");
                return ended;
            });
    }

    /// <summary>Ends all presences of a session, which stays open.</summary>
    /// <returns>The number of ended presences.</returns>
    public int UntrackAll(ulong process) => UntrackAll(process, LeaveReason.Untracked);

    private int UntrackAll(ulong process, LeaveReason reason) => _shards.Sum(shard => Operate(
        $"untrack all p{process} {reason}",
        expectFailure: false,
        shard,
        now =>
        {
            var ended = shard.UntrackAll(now, process, reason, _effects);
            var expected = Local.EndProcess(_cluster.Now, _self, process, topic => ShardOf(topic) == shard);
            _cluster.Expect(this, expected, ended, "untrack all");
            return ended;
        }));

    private IReadOnlyList<PresenceEntry> Written(IReadOnlyList<PresenceEntry> entries)
    {
        foreach (var entry in entries)
        {
            Local.Write(_cluster.Now, entry);
        }

        return entries;
    }

    /// <summary>Changes the presences of several shards, or none if the check of one throws.</summary>
    private List<PresenceEntry> Change(
        string what, bool expectFailure, IReadOnlyList<TrackRequest> requests,
        Action<TrackerShard, TrackRequest[]> check,
        Func<TrackerShard, TimeSpan, TrackRequest[], IReadOnlyList<PresenceEntry>> change)
    {
        var parts = requests.GroupBy(request => ShardOf(request.Topic))
            .Select(p => (p.Key, Part: p.ToArray())).ToList();
        var entries = new List<PresenceEntry>();
        for (var at = 0; at < parts.Count; at++)
        {
            var ((shard, part), isFirst) = (parts[at], at == 0);
            entries.AddRange(Operate(what, expectFailure && isFirst, shard, now =>
            {
                if (isFirst)
                {
                    parts.ForEach(p => check(p.Key, p.Part));
                }

                return Written(change(shard, now, part));
            }));
        }

        return entries;
    }

    /// <summary>Runs one operation. If it throws, it is a step too and must not have changed anything.</summary>
    private T Operate<T>(string what, bool expectFailure, TrackerShard shard, Func<TimeSpan, T> operation)
    {
        Require(SimulatedNodeState.Running);
        _cluster.Trace?.Invoke($"{Name} {what}");
        T result = default!;
        Exception? failure = null;
        Step(shard, StepCause.Operation, now =>
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
