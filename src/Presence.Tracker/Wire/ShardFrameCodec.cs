namespace Presence.Tracker;

/// <summary>The versioned binary form of <see cref="ShardFrame"/>: two versions of the library can talk during an upgrade.</summary>
/// <remarks>
/// Byte 0 is the version, byte 1 the kind; numbers are LEB128, texts length-prefixed UTF-8. A field is only ever added at
/// the end of a kind; a change beyond that takes a new version, which the version before must refuse.
/// </remarks>
internal static class ShardFrameCodec
{
    /// <summary>The version that <see cref="Encode"/> writes.</summary>
    public const byte Version = 1;

    private enum Kind : byte
    {
        Heartbeat = 1,
        Delta = 2,
        Request = 3,
        Repair = 4,
        Probe = 5,
        Farewell = 6,
        Obituary = 7,
    }

    /// <summary>Encodes a frame.</summary>
    public static byte[] Encode(ShardFrame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        var to = FrameWriter.Begin();
        to.Byte(Version);
        to.Byte((byte)KindOf(frame));
        WriteSender(to, frame.From);
        WriteBody(to, frame);
        return to.Finish();
    }

    /// <summary>Decodes a frame.</summary>
    /// <param name="bytes">One whole frame; not kept.</param>
    /// <param name="names">An index whose topic names are used instead of new copies; may be null.</param>
    /// <exception cref="ShardFrameException">The bytes are not a frame of a version that is understood.</exception>
    public static ShardFrame Decode(ReadOnlySpan<byte> bytes, PresenceIndex? names = null)
    {
        var from = new FrameReader(bytes, names);
        try
        {
            var version = from.Byte();
            if (version != Version)
            {
                throw new ShardFrameException($"The frame has version {version}; this member understands {Version}.");
            }

            var kind = (Kind)from.Byte();
            return ReadBody(ref from, kind, ReadSender(ref from));
        }
        catch (OverflowException)
        {
            throw new ShardFrameException("A number is out of range.");
        }
        finally
        {
            from.Finish();
        }
    }

    private static Kind KindOf(ShardFrame frame) => frame switch
    {
        HeartbeatFrame => Kind.Heartbeat,
        DeltaFrame => Kind.Delta,
        RequestFrame => Kind.Request,
        RepairFrame => Kind.Repair,
        ProbeFrame => Kind.Probe,
        FarewellFrame => Kind.Farewell,
        ObituaryFrame => Kind.Obituary,
        _ => throw new ArgumentException($"{frame.GetType().Name} has no binary form.", nameof(frame)),
    };

    private static void WriteSender(FrameWriter to, Sender sender)
    {
        to.Replica(sender.Replica);
        to.Number(sender.Started);
        to.Number(sender.Instance);
        to.Number((ulong)sender.PoolSize);
        to.Number(sender.Counter);
    }

    private static Sender ReadSender(ref FrameReader from) =>
        new(from.Replica(), from.Number(), from.Number(), checked((int)from.Number()), from.Number());

    private static void WriteBody(FrameWriter to, ShardFrame frame)
    {
        switch (frame)
        {
            case HeartbeatFrame heartbeat:
                to.Number((ulong)heartbeat.Clocks.Count);
                foreach (var clock in heartbeat.Clocks)
                {
                    to.Replica(clock.Replica);
                    to.Number(clock.Prefix);
                    to.Number(clock.Max - clock.Prefix);
                }

                break;
            case DeltaFrame delta:
                DotsCodec.Write(to, delta.Delta);
                break;
            case RequestFrame request:
                to.Number(request.Number);
                to.Number((ulong)request.Seen.Count);
                foreach (var (replica, seen) in request.Seen)
                {
                    to.Replica(replica);
                    to.Intervals(seen);
                }

                break;
            case RepairFrame repair:
                to.Replica(repair.Replica);
                to.Number(repair.Request);
                to.Byte((byte)((repair.Sequence is null ? 0 : 1) | (repair.More ? 2 : 0)));
                if (repair.Sequence is { } sequence)
                {
                    to.Number(sequence.Answer);
                    to.Number((ulong)sequence.Index);
                }

                DotsCodec.Write(to, repair.Part);
                break;
            case ProbeFrame probe:
                to.Replica(probe.Target);
                break;
            case ObituaryFrame obituary:
                to.Replica(obituary.Dead);
                break;
        }
    }

    private static ShardFrame ReadBody(ref FrameReader from, Kind kind, Sender sender)
    {
        switch (kind)
        {
            case Kind.Heartbeat:
                var clocks = new Clock[from.Count(4)];
                for (var i = 0; i < clocks.Length; i++)
                {
                    var replica = from.Replica();
                    var prefix = from.Number();
                    clocks[i] = new Clock(replica, prefix, checked(prefix + from.Number()));
                }

                return new HeartbeatFrame(sender, clocks);
            case Kind.Delta:
                return new DeltaFrame(sender, DotsCodec.Read(ref from, sender.Replica));
            case Kind.Request:
                var number = from.Number();
                var seen = new ReplicaContext[from.Count(3)];
                for (var i = 0; i < seen.Length; i++)
                {
                    seen[i] = new ReplicaContext(from.Replica(), from.Intervals());
                }

                return new RequestFrame(sender, number, seen);
            case Kind.Repair:
                var told = from.Replica();
                var asked = from.Number();
                var flags = from.Byte();
                PartSequence? sequence = (flags & 1) == 0 ? null : new(from.Number(), checked((int)from.Number()));
                return new RepairFrame(sender, told, DotsCodec.Read(ref from, told), sequence, (flags & 2) != 0, asked);
            case Kind.Probe:
                return new ProbeFrame(sender, from.Replica());
            case Kind.Farewell:
                return new FarewellFrame(sender);
            case Kind.Obituary:
                return new ObituaryFrame(sender, from.Replica());
            default:
                throw new ShardFrameException($"The frame has kind {(byte)kind}, which this member does not know.");
        }
    }
}
