namespace Presence.Tracker.Tests.Simulation;

/// <summary>Defects in what a frame teaches, made by rewriting frames between codec and shard.</summary>
internal static class FrameDefects
{
    /// <summary>Deltas and repairs teach who joined and never who left.</summary>
    internal sealed class RemovesIgnored : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame switch
        {
            DeltaFrame delta => delta with { Delta = ValuesOf(delta.Delta) },
            RepairFrame repair => repair with { Part = ValuesOf(repair.Part) },
            _ => frame,
        };
    }

    /// <summary>The dots that a removal ended travel in a frame of their own, which is lost as easily as any.</summary>
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

    /// <summary>What a peer says that it knows counts as seen here, without its values.</summary>
    internal sealed class BareContextTrusted : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame)
        {
            return frame is HeartbeatFrame { From.Counter: > 0 }
                ? new DeltaFrame(frame.From, KillUnseen(Member, frame.From.Replica, frame.From.Counter, new()))
                : frame;
        }
    }

    /// <summary>A delta counts as all there was before it.</summary>
    internal sealed class GapsClosed : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame is DeltaFrame delta
            ? delta with { Delta = KillUnseen(Member, delta.From.Replica, delta.Delta.Context.Max, delta.Delta) }
            : frame;
    }

    internal sealed class RepairWithoutRemovals : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) =>
            frame is RepairFrame repair ? repair with { Part = ValuesOf(repair.Part) } : frame;
    }

    internal sealed class NoRepairAskedFor : ShardSeam
    {
        public override OutgoingFrame? Sending(OutgoingFrame frame) => frame.Frame is RequestFrame ? null : frame;
    }

    internal sealed class RepairForgetsMetadata : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame is RepairFrame repair
            ? repair with { Part = Rewrite(repair.Part, entry => Copy(entry, entry.Born, default)) }
            : frame;
    }

    internal sealed class UpdateTakenForANewLife : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame is DeltaFrame delta
            ? delta with { Delta = Rewrite(delta.Delta, entry => Copy(entry, entry.Sequence, entry.Meta)) }
            : frame;
    }

    private static PresenceEntry Copy(PresenceEntry entry, ulong born, PresenceMeta meta) =>
        new(entry.Owner, entry.Sequence, born, entry.Previous, entry.Process, entry.Topic, entry.Key, meta);

    private static ReplicaDots<PresenceEntry> ValuesOf(ReplicaDots<PresenceEntry> dots)
    {
        var values = new ReplicaDots<PresenceEntry>();
        foreach (var (sequence, entry) in dots.Live)
        {
            values.Add(sequence, entry);
        }

        return values;
    }

    private static ReplicaDots<PresenceEntry> Rewrite(
        ReplicaDots<PresenceEntry> dots, Func<PresenceEntry, PresenceEntry> change)
    {
        var rewritten = new ReplicaDots<PresenceEntry>();
        foreach (var (sequence, entry) in dots.Live)
        {
            rewritten.Add(sequence, change(entry));
        }

        foreach (var removal in dots.Log.Removals)
        {
            rewritten.Remove(removal);
        }

        foreach (var interval in dots.Dead().Intervals)
        {
            rewritten.Kill(interval);
        }

        return rewritten;
    }

    /// <summary>Adds to a delta the death of all dots up to one that are neither in it nor shown here.</summary>
    private static ReplicaDots<PresenceEntry> KillUnseen(
        SimulatedMember member, ReplicaId replica, ulong upTo, ReplicaDots<PresenceEntry> delta)
    {
        var spared = new IntervalSet();
        foreach (var entry in member.Shown.Entries.Where(entry => entry.Owner == replica))
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
            closed.Kill(interval);
        }

        return closed;
    }
}
