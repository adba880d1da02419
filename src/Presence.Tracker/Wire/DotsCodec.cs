using Presence.Crdt;

namespace Presence.Tracker.Wire;

/// <summary>Encodes and decodes a delta or a part of a repair.</summary>
/// <remarks>
/// Order: values by sequence, removals, final versions, other removed dots, and from the second version on sessions.
/// </remarks>
internal static class DotsCodec
{
    public static void Write(FrameWriter to, ReplicaState<PresenceEntry> dots)
    {
        to.Number((ulong)dots.Count);
        var at = 0UL;
        foreach (var (sequence, entry) in dots.Live)
        {
            WriteEntry(to, entry, at);
            at = sequence;
        }

        var removedDots = new IntervalSet();
        to.Number((ulong)dots.Log.Count);
        at = 0;
        foreach (var removal in dots.Log.Removals)
        {
            to.Number(removal.Tick - at);
            to.Byte(removal.Note);
            to.Number((ulong)removal.Removed.Length);
            foreach (var removed in removal.Removed.Span)
            {
                to.Number(removal.Tick - removed);
                removedDots.Add(removed);
            }

            removedDots.Add(removal.Tick);
            at = removal.Tick;
        }

        to.Number((ulong)dots.Finals.Count);
        foreach (var final in dots.Finals.Values)
        {
            WriteEntry(to, final, 0);
        }

        to.Intervals(dots.Removed().Except(removedDots));
        if (to.Stamped.Count > 0)
        {
            SessionCodec.Write(to);
        }
    }

    public static ReplicaState<PresenceEntry> Read(ref FrameReader from, ReplicaId owner, bool hasSessions)
    {
        var entries = hasSessions ? new List<PresenceEntry>() : null;
        var dots = new ReplicaState<PresenceEntry>();
        var at = 0UL;
        var values = from.Count(6);
        dots.EnsureCapacity(values);
        for (var left = values; left > 0; left--)
        {
            var entry = ReadEntry(ref from, owner, at);
            at = entry.Sequence;
            dots.Add(at, entry);
            entries?.Add(entry);
        }

        at = 0;
        var removals = new Removal[from.Count(3)];
        foreach (ref var removal in removals.AsSpan())
        {
            removal = ReadRemoval(ref from, at);
            at = removal.Tick;
        }

        dots.Remove(removals);

        for (var left = from.Count(6); left > 0; left--)
        {
            var final = ReadEntry(ref from, owner, 0);
            dots.AddFinal(final.Sequence, final);
            entries?.Add(final);
        }

        if (from.Intervals() is { IntervalCount: > 0 } removedDots)
        {
            dots.MarkRemoved(removedDots);
        }

        if (entries is not null)
        {
            SessionCodec.Read(ref from, entries);
        }

        return dots;
    }

    private static Removal ReadRemoval(ref FrameReader from, ulong after)
    {
        var step = from.Number();
        var tick = checked(after + step);
        var note = from.Byte();
        var removed = new ulong[from.Count()];
        for (var i = 0; i < removed.Length; i++)
        {
            var back = from.Number();
            removed[i] = back > 0 && back < tick
                ? tick - back
                : throw new ShardFrameException("A removal names a dot that does not come before it.");
        }

        return step > 0 && tick < ulong.MaxValue
            ? new Removal(tick, note, removed)
            : throw new ShardFrameException("Removals are not ascending.");
    }

    private static void WriteEntry(FrameWriter to, PresenceEntry entry, ulong after)
    {
        to.Number(entry.Sequence - after);
        to.Number(entry.Sequence - entry.CreatedSequence);
        if (entry.CreatedSequence != entry.Sequence)
        {
            to.Number(entry.Sequence - entry.Previous);
        }

        to.Number(entry.Process);
        to.Topic(entry.Topic);
        to.Text(entry.Key);
        to.Bytes(entry.Meta.Utf8.Span);
        to.Entry(entry);
    }

    private static PresenceEntry ReadEntry(ref FrameReader from, ReplicaId owner, ulong after)
    {
        var step = from.Number();
        var sequence = checked(after + step);
        var age = from.Number();
        var back = age == 0 ? 0 : from.Number();
        if (step == 0 || sequence == ulong.MaxValue || age >= sequence || back > age || (age > 0 && back == 0))
        {
            throw new ShardFrameException("An entry's versions are out of order.");
        }

        return new PresenceEntry(
            owner, sequence, sequence - age, back == 0 ? 0 : sequence - back,
            from.Number(), from.Topic(), from.Key(), from.Meta());
    }
}
