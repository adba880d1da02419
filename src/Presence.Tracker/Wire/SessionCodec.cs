using Presence.Tracker.Sessions;

namespace Presence.Tracker.Wire;

/// <summary>Encodes what entries of resumable sessions carry, as a block at the end of a frame.</summary>
/// <remarks>
/// Number of entries; for each: its distance in the frame from the entry before; the number within the frame of an
/// earlier equal stamp, or 0 and a new one (id, generation, grace in milliseconds); whether it has inherited its ref,
/// and then the ref. A frame without such entries has no block and the first version.
/// </remarks>
internal static class SessionCodec
{
    public static void Write(FrameWriter to)
    {
        var stamped = to.Stamped;
        to.Number((ulong)stamped.Count);
        Dictionary<SessionStamp, int>? known = null;
        var at = -1;
        foreach (var (index, entry) in stamped)
        {
            to.Number((ulong)(index - at - 1));
            at = index;
            var stamp = entry.Stamp!;
            if (known?.TryGetValue(stamp, out var number) == true)
            {
                to.Number((ulong)number);
            }
            else
            {
                (known ??= []).Add(stamp, known.Count + 1);
                to.Number(0);
                WriteStamp(to, stamp);
            }

            WriteRef(to, entry.InheritedRef);
        }
    }

    public static void Read(ref FrameReader from, List<PresenceEntry> entries)
    {
        var stamps = new List<SessionStamp>();
        var at = -1;
        for (var left = from.Count(3); left > 0; left--)
        {
            at = checked(at + 1 + (int)from.Number());
            var number = from.Number();
            if (number == 0)
            {
                stamps.Add(ReadStamp(ref from));
            }

            if (at >= entries.Count || number > (ulong)stamps.Count)
            {
                throw new ShardFrameException("A session belongs to no entry.");
            }

            entries[at].SetSession(stamps[number == 0 ? ^1 : (int)number - 1], ReadRef(ref from));
        }
    }

    /// <summary>Encodes what one entry of a resumable session carries.</summary>
    public static byte[] Format(PresenceEntry entry)
    {
        var to = FrameWriter.Begin();
        WriteStamp(to, entry.Stamp!);
        WriteRef(to, entry.InheritedRef);
        return to.Finish();
    }

    /// <summary>Reads bytes of <see cref="Format"/>.</summary>
    /// <exception cref="ShardFrameException">The bytes are not valid.</exception>
    public static (SessionStamp Stamp, RefDot Ref) Parse(ReadOnlySpan<byte> bytes)
    {
        var from = new FrameReader(bytes, [], new PresenceLimits());
        try
        {
            return (ReadStamp(ref from), ReadRef(ref from));
        }
        catch (OverflowException)
        {
            throw new ShardFrameException("A number is out of range.");
        }
    }

    public static void WriteStamp(FrameWriter to, SessionStamp stamp)
    {
        WriteId(to, stamp.Session);
        WriteGeneration(to, stamp.Generation);
        to.Number((ulong)Math.Ceiling(stamp.Grace.TotalMilliseconds));
    }

    public static SessionStamp ReadStamp(ref FrameReader from)
    {
        var session = ReadId(ref from);
        var generation = ReadGeneration(ref from);
        var grace = from.Number();
        return grace > 0 && grace <= (ulong)SessionStamp.MaxGrace.TotalMilliseconds
            ? new SessionStamp(session, generation, TimeSpan.FromMilliseconds(grace))
            : throw new ShardFrameException($"A session has a grace of {grace} ms.");
    }

    public static void WriteId(FrameWriter to, SessionId session)
    {
        to.Fixed(session.High);
        to.Fixed(session.Low);
    }

    public static SessionId ReadId(ref FrameReader from) => new(from.Fixed(), from.Fixed());

    public static void WriteGeneration(FrameWriter to, Generation generation)
    {
        to.Number(generation.Resumes);
        to.Number(generation.HandOvers);
    }

    public static Generation ReadGeneration(ref FrameReader from)
    {
        var resumes = checked((uint)from.Number());
        var handOvers = checked((uint)from.Number());
        return resumes < uint.MaxValue && handOvers < uint.MaxValue
            ? new Generation(resumes, handOvers)
            : throw new ShardFrameException("A generation is out of range.");
    }

    public static void WriteRef(FrameWriter to, RefDot dot)
    {
        to.Number(dot.Sequence);
        if (dot.Sequence > 0)
        {
            to.Number(dot.Owner);
        }
    }

    public static RefDot ReadRef(ref FrameReader from)
    {
        var sequence = from.Number();
        var owner = sequence == 0 ? 0 : from.Number();
        return owner >> 40 == 0
            ? new RefDot(owner, sequence)
            : throw new ShardFrameException("A ref is out of range.");
    }
}
