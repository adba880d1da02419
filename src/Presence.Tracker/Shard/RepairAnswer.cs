using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>Makes the frames that answer a request: bounded each, bounded together, and safe to lose.</summary>
internal sealed class RepairAnswer(ReplicaId replica, ReplicaDots<PresenceEntry> dots, IntervalSet seen, FrameBounds bounds)
{
    private readonly List<RepairFrame> _frames = [];
    private ReplicaDots<PresenceEntry> _part = new();
    private int _bytes;

    /// <summary>The frames of the answer, none if the requester lacks nothing.</summary>
    /// <param name="from">The answerer.</param>
    /// <param name="answer">Number of this answer.</param>
    public IReadOnlyList<RepairFrame> Frames(Sender from, ulong answer)
    {
        var plan = RepairPlan.For(dots, seen, bounds.RepairValues);
        var more = plan.More;
        AddUnordered(from, plan);
        if (plan.AllDead is { } dead)
        {
            if (_frames.Count == 0 && !more && dead.IntervalCount <= bounds.DeadIntervals)
            {
                // Beside all values in one frame: whoever takes it sees an update as an update.
                _part.Kill(dead);
            }
            else
            {
                Cut(from);
                AddOrdered(from, dead, answer);
            }
        }

        Cut(from);

        if (more && _frames.Count > 0)
        {
            _frames[^1] = _frames[^1] with { More = true };
        }

        return _frames;
    }

    /// <summary>Values and removals in order of their dots, so that an update's two halves travel together.</summary>
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

        // All of them even where the values are cut: a dot that a later removal ended would leave a gap in what the requester
        // can say it knows, and it would be told the same values again.
        while (next < plan.Removals.Count)
        {
            AddRemoval(from, plan.Removals[next++]);
        }
    }

    private void AddOrdered(Sender from, IntervalSet dead, ulong answer)
    {
        var index = 0;
        for (var at = 0; at < dead.IntervalCount; at += bounds.DeadIntervals)
        {
            var part = new ReplicaDots<PresenceEntry>();
            foreach (var interval in dead.Intervals.Slice(at, Math.Min(bounds.DeadIntervals, dead.IntervalCount - at)))
            {
                part.Kill(interval);
            }

            _frames.Add(new RepairFrame(from, replica, part, new PartSequence(answer, index++), More: false));
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
            _frames.Add(new RepairFrame(from, replica, _part, null, More: false));
            _part = new();
            _bytes = 0;
        }
    }
}
