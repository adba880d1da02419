using Presence.Tracker.Index;

namespace Presence.Tracker.Wire;

/// <summary>Encodes and decodes <see cref="ShardFrame"/>, versioned for rolling upgrades.</summary>
/// <remarks>
/// Byte 0 is the version, byte 1 the kind; numbers are LEB128, texts length-prefixed UTF-8. Fields are
/// only added at the end of a kind; any other change needs a new version, which older versions reject.
/// </remarks>
internal static class ShardFrameCodec
{
    private static readonly PresenceLimits DefaultLimits = new();

    /// <summary>The version of a frame without entries of resumable sessions.</summary>
    public const byte Version = 1;

    /// <summary>The version of a frame with such entries.</summary>
    public const byte VersionWithSessions = 2;

    private enum Kind : byte
    {
        Heartbeat = 1,
        Delta = 2,
        Request = 3,
        Repair = 4,
        Probe = 5,
        Leave = 6,
        StaleIncarnation = 7,
    }

    /// <summary>Encodes a frame.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="withSessions">
    /// False for a node that reads the first version only: entries of resumable sessions become ordinary ones.
    /// </param>
    public static byte[] Encode(ShardFrame frame, bool withSessions = true)
    {
        ArgumentNullException.ThrowIfNull(frame);
        var to = FrameWriter.Begin();
        to.OmitsSessions = !withSessions;
        to.Byte(Version);
        to.Byte((byte)KindOf(frame));
        WriteSender(to, frame.From);
        WriteBody(to, frame);
        if (to.Stamped.Count > 0)
        {
            to.SetVersion(VersionWithSessions);
        }

        return to.Finish();
    }

    /// <summary>Decodes a frame.</summary>
    /// <param name="bytes">One whole frame; not retained.</param>
    /// <param name="names">The indexes whose topic names are reused.</param>
    /// <param name="limits">Maximum sizes of topics, keys and metadata; null for the defaults.</param>
    /// <exception cref="ShardFrameException">
    /// The bytes are not a frame of a supported version, or contain a value that no node may send.
    /// </exception>
    public static ShardFrame Decode(
        ReadOnlySpan<byte> bytes, ReadOnlySpan<PresenceIndex> names = default, PresenceLimits? limits = null)
    {
        var from = new FrameReader(bytes, names, limits ?? DefaultLimits);
        try
        {
            var version = from.Byte();
            if (version is not (Version or VersionWithSessions))
            {
                throw new ShardFrameException(
                    $"The frame has version {version}; this node supports {Version} to {VersionWithSessions}.");
            }

            var kind = (Kind)from.Byte();
            return ReadBody(ref from, kind, ReadSender(ref from), version == VersionWithSessions);
        }
        catch (Exception e) when (e is OverflowException or ArgumentException)
        {
            throw new ShardFrameException("A number is out of range.");
        }
        finally
        {
            from.Finish();
        }
    }

    /// <summary>Returns the pool size in the header of a frame, without decoding the rest.</summary>
    /// <exception cref="ShardFrameException">The bytes do not begin with the header of a frame.</exception>
    public static int PoolSizeOf(ReadOnlySpan<byte> bytes)
    {
        var from = new FrameReader(bytes, [], DefaultLimits);
        from.Byte();
        from.Byte();
        from.SkipReplica();
        from.Number();
        from.Number();
        return PoolSize(from.Number());
    }

    private static Kind KindOf(ShardFrame frame) => frame switch
    {
        HeartbeatFrame => Kind.Heartbeat,
        DeltaFrame => Kind.Delta,
        RequestFrame => Kind.Request,
        RepairFrame => Kind.Repair,
        ProbeFrame => Kind.Probe,
        LeaveFrame => Kind.Leave,
        StaleIncarnationFrame => Kind.StaleIncarnation,
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
        new(from.Replica(), from.Number(), from.Number(), PoolSize(from.Number()), from.Number());

    private static int PoolSize(ulong number) => number is > 0 and <= TrackerOptions.MaxPoolSize
        ? (int)number
        : throw new ShardFrameException($"The pool size {number} is not between 1 and {TrackerOptions.MaxPoolSize}.");

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

                if (heartbeat.OwnPoolSize > 0)
                {
                    to.Number((ulong)heartbeat.OwnPoolSize);
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
                to.Number(repair.UpTo);
                to.Number(repair.Max - repair.UpTo);
                to.Byte((byte)(repair.Sequence is null ? 0 : 1));
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
            case StaleIncarnationFrame stale:
                to.Replica(stale.Dead);
                break;
        }
    }

    private static ShardFrame ReadBody(ref FrameReader from, Kind kind, Sender sender, bool hasSessions)
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

                return new HeartbeatFrame(sender, clocks) { OwnPoolSize = from.AtEnd ? 0 : PoolSize(from.Number()) };
            case Kind.Delta:
                return new DeltaFrame(sender, DotsCodec.Read(ref from, sender.Replica, hasSessions));
            case Kind.Request:
                var number = from.Number();
                var seen = new ReplicaContext[from.Count(3)];
                for (var i = 0; i < seen.Length; i++)
                {
                    seen[i] = new ReplicaContext(from.Replica(), from.Intervals());
                }

                return new RequestFrame(sender, number, seen);
            case Kind.Repair:
                var repaired = from.Replica();
                var answered = from.Number();
                var upTo = from.Number();
                var max = checked(upTo + from.Number());
                PartSequence? sequence = from.Byte() == 0 ? null : new(from.Number(), checked((int)from.Number()));
                return new RepairFrame(
                    sender, repaired, DotsCodec.Read(ref from, repaired, hasSessions), sequence, upTo, max, answered);
            case Kind.Probe:
                return new ProbeFrame(sender, from.Replica());
            case Kind.Leave:
                return new LeaveFrame(sender);
            case Kind.StaleIncarnation:
                return new StaleIncarnationFrame(sender, from.Replica());
            default:
                throw new ShardFrameException($"The frame has kind {(byte)kind}, which this node does not support.");
        }
    }
}
