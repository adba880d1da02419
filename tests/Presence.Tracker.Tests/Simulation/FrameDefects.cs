using Presence.TestKit.Seam;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>Defects in the contents of frames, applied between codec and shard.</summary>
internal static class FrameDefects
{
    /// <summary>Deltas and repairs contain joins and no leaves.</summary>
    internal sealed class RemovesIgnored : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame switch
        {
            DeltaFrame delta => delta with { Delta = ValuesOf(delta.Delta) },
            RepairFrame repair => repair with { Part = ValuesOf(repair.Part) },
            _ => frame,
        };
    }

    /// <summary>The dots of a removal are in a separate frame, which may be lost.</summary>
    internal sealed class RemovalApartFromItsTick : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame)
        {
            if (frame is not DeltaFrame delta || delta.From.Counter % 5 != 0)
            {
                return frame;
            }

            var ticksOnly = ValuesOf(delta.Delta);
            foreach (var removal in delta.Delta.Log.Removals)
            {
                ticksOnly.Remove(removal with { Removed = ReadOnlyMemory<ulong>.Empty });
            }

            return delta with { Delta = ticksOnly };
        }
    }

    /// <summary>The context of a peer counts as seen here, without its values.</summary>
    internal sealed class BareContextTrusted : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame)
        {
            return frame is HeartbeatFrame { From.Counter: > 0 }
                ? new DeltaFrame(frame.From, RemoveUnseen(Node, frame.From.Replica, frame.From.Counter, new()))
                : frame;
        }
    }

    /// <summary>A delta counts as complete up to its last dot.</summary>
    internal sealed class GapsClosed : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame is DeltaFrame delta
            ? delta with { Delta = RemoveUnseen(Node, delta.From.Replica, delta.Delta.Context.Max, delta.Delta) }
            : frame;
    }

    internal sealed class RepairWithoutRemovals : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) =>
            frame is RepairFrame repair ? repair with { Part = ValuesOf(repair.Part) } : frame;
    }

    internal sealed class NoRepairRequested : ShardSeam
    {
        public override OutgoingFrame? Sending(OutgoingFrame frame) => frame.Frame is RequestFrame ? null : frame;
    }

    internal sealed class RepairLosesMetadata : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame is RepairFrame repair
            ? repair with { Part = Rewrite(repair.Part, entry => Copy(entry, entry.CreatedSequence, default)) }
            : frame;
    }

    internal sealed class UpdateTakenForANewPresence : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame is DeltaFrame delta
            ? delta with { Delta = Rewrite(delta.Delta, entry => Copy(entry, entry.Sequence, entry.Meta)) }
            : frame;
    }

    /// <summary>Parts of an ordered repair are merged in whatever order they arrive.</summary>
    internal sealed class OrderedPartsInAnyOrder : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) =>
            frame is RepairFrame repair ? repair with { Sequence = null } : frame;
    }

    /// <summary>A response to a request before the return of a node shows how far the node is.</summary>
    internal sealed class RecoveryOnAnyResponse : ShardSeam
    {
        private ulong _last;

        public override OutgoingFrame? Sending(OutgoingFrame frame)
        {
            _last = frame.Frame is RequestFrame request ? request.Number : _last;
            return frame;
        }

        public override ShardFrame? Receiving(ShardFrame frame) =>
            frame is RepairFrame repair ? repair with { Request = _last } : frame;
    }

    /// <summary>A response has the counter of the last delta, although it holds later changes.</summary>
    internal sealed class ResponseWithAnnouncedCounter : ShardSeam
    {
        private ulong _announced;

        public override OutgoingFrame? Sending(OutgoingFrame frame)
        {
            if (frame.Frame is RepairFrame repair)
            {
                return frame with { Frame = repair with { From = repair.From with { Counter = _announced } } };
            }

            _announced = frame.Frame.From.Counter;
            return frame;
        }
    }

    private static PresenceEntry Copy(PresenceEntry entry, ulong born, PresenceMeta meta) =>
        new(entry.Owner, entry.Sequence, born, entry.Previous, entry.Process, entry.Topic, entry.Key, meta);

    private static ReplicaState<PresenceEntry> ValuesOf(ReplicaState<PresenceEntry> dots)
    {
        var values = new ReplicaState<PresenceEntry>();
        foreach (var (sequence, entry) in dots.Live)
        {
            values.Add(sequence, entry);
        }

        return values;
    }

    private static ReplicaState<PresenceEntry> Rewrite(
        ReplicaState<PresenceEntry> dots, Func<PresenceEntry, PresenceEntry> change)
    {
        var rewritten = new ReplicaState<PresenceEntry>();
        foreach (var (sequence, entry) in dots.Live)
        {
            rewritten.Add(sequence, change(entry));
        }

        foreach (var removal in dots.Log.Removals)
        {
            rewritten.Remove(removal);
        }

        foreach (var interval in dots.Removed().Intervals)
        {
            rewritten.MarkRemoved(interval);
        }

        return rewritten;
    }

    /// <summary>Marks in a delta all dots up to a limit as removed that are neither in it nor visible here.</summary>
    private static ReplicaState<PresenceEntry> RemoveUnseen(
        SimulatedNode node, ReplicaId replica, ulong upTo, ReplicaState<PresenceEntry> delta)
    {
        var spared = new IntervalSet();
        foreach (var entry in node.Shown.Entries.Where(entry => entry.Owner == replica))
        {
            spared.Add(entry.Sequence);
        }

        foreach (var sequence in delta.Live.Keys)
        {
            spared.Add(sequence);
        }

        var closed = Rewrite(delta, entry => entry);
        foreach (var interval in new IntervalSet(new Interval(1, upTo)).Except(spared).Intervals)
        {
            closed.MarkRemoved(interval);
        }

        return closed;
    }
}
