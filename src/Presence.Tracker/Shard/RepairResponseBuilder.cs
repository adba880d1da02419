using Presence.Crdt;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>Builds the frames that answer a repair request. Size and number are bounded; any may be lost.</summary>
internal sealed class RepairResponseBuilder(
    ReplicaId replica, ReplicaState<PresenceEntry> dots, ulong maxKnown, IntervalSet seen, FrameBounds bounds)
{
    private readonly List<RepairFrame> _frames = [];
    private ReplicaState<PresenceEntry> _part = new();
    private ulong _upTo;
    private int _bytes;

    /// <summary>Returns the frames of the answer; an empty one if the requester lacks nothing.</summary>
    /// <param name="from">The header of this node.</param>
    /// <param name="answer">Number of this answer.</param>
    public IReadOnlyList<RepairFrame> Frames(Sender from, ulong answer)
    {
        var plan = RepairPlan.For(dots, seen, bounds.RepairValues);
        _upTo = plan.More ? plan.Values[^1] : maxKnown;
        AddUnordered(from, plan);
        if (plan.AllRemoved is { } removed)
        {
            if (_frames.Count == 0 && removed.IntervalCount <= bounds.RemovedIntervals)
            {
                // With all values in one frame, so that the receiver sees an update as an update.
                _part.MarkRemoved(removed);
            }
            else
            {
                Cut(from);
                AddOrdered(from, removed, answer);
            }
        }

        Cut(from);
        if (_frames.Count == 0)
        {
            Add(from, _part);
        }

        return _frames;
    }

    /// <summary>Adds values and removals in order of dots, so that both halves of an update stay together.</summary>
    private void AddUnordered(Sender from, RepairPlan plan)
    {
        var next = 0;
        foreach (var sequence in plan.Values)
        {
            while (next < plan.Removals.Count && plan.Removals[next].Tick < sequence)
            {
                AddRemoval(from, plan.Removals[next++]);
            }

            var entry = dots.Live[sequence];
            _part.Add(sequence, entry);
            Grow(from, entry.Meta.Length + entry.Key.Length + 16);
        }

        while (next < plan.Removals.Count)
        {
            AddRemoval(from, plan.Removals[next++]);
        }
    }

    private void AddOrdered(Sender from, IntervalSet removed, ulong answer)
    {
        var index = 0;
        for (var at = 0; at < removed.IntervalCount; at += bounds.RemovedIntervals)
        {
            var part = new ReplicaState<PresenceEntry>();
            var length = Math.Min(bounds.RemovedIntervals, removed.IntervalCount - at);
            foreach (var interval in removed.Intervals.Slice(at, length))
            {
                part.MarkRemoved(interval);
            }

            Add(from, part, new PartSequence(answer, index++));
        }
    }

    private void AddRemoval(Sender from, Removal removal)
    {
        _part.Remove(removal);
        Grow(from, 16 + (removal.Removed.Length * 2));
    }

    private void Grow(Sender from, int bytes)
    {
        _bytes += bytes;
        if (_bytes >= bounds.RepairBytes)
        {
            Cut(from);
        }
    }

    private void Cut(Sender from)
    {
        if (!_part.IsEmpty)
        {
            Add(from, _part);
            _part = new();
            _bytes = 0;
        }
    }

    private void Add(Sender from, ReplicaState<PresenceEntry> part, PartSequence? sequence = null) =>
        _frames.Add(new RepairFrame(from, replica, part, sequence, _upTo, maxKnown));
}
