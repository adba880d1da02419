using Presence.Crdt;
using Presence.Tracker;
using Presence.Tracker.Sessions;
using Presence.Tracker.Wire;

namespace Presence.Node.Sessions;

/// <summary>Encodes and decodes <see cref="SessionFrame"/>: a version, a kind, a number, and the fields.</summary>
internal static class SessionFrameCodec
{
    private const byte Version = 1;

    private enum Kind : byte
    {
        Request = 1,
        Response = 2,
        HandOver = 3,
        HandedOver = 4,
        Query = 5,
        Report = 6,
        Stale = 7,
        Return = 8,
        Forward = 9,
        Forwarded = 10,
    }

    public static byte[] Encode(SessionFrame frame)
    {
        var to = FrameWriter.Begin();
        to.Byte(Version);
        switch (frame)
        {
            case SessionRequest request:
                Begin(Kind.Request);
                SessionCodec.WriteId(to, request.Session);
                SessionCodec.WriteGeneration(to, request.Token);
                to.Number(request.Attachment);
                to.Number(request.Known);
                to.Replica(request.Target);
                to.Replica(request.Requester);
                break;
            case SessionResponse answer:
                Begin(Kind.Response);
                to.Byte((byte)answer.Kind);
                if (answer.Kind == ResponseKind.Moved)
                {
                    to.Number(answer.Known);
                    to.Replica(answer.MovedTo);
                }
                else if (answer.Kind == ResponseKind.Released)
                {
                    to.Number(answer.Known);
                    Write(to, answer.Presences ?? []);
                }

                break;
            case SessionQuery query:
                Begin(Kind.Query);
                SessionCodec.WriteId(to, query.Session);
                break;
            case SessionReport report:
                Begin(Kind.Report);
                SessionCodec.WriteGeneration(to, report.Greatest);
                to.Byte(report.Owner is null ? (byte)0 : (byte)1);
                if (report.Owner is { } owner)
                {
                    to.Replica(owner);
                }

                Write(to, report.Presences);
                break;
            case StaleSession stale:
                Begin(Kind.Stale);
                SessionCodec.WriteId(to, stale.Session);
                SessionCodec.WriteGeneration(to, stale.Greatest);
                to.Byte(stale.HasEnded ? (byte)1 : (byte)0);
                break;
            case ReturnFrame returned:
                Begin(Kind.Return);
                SessionCodec.WriteId(to, returned.Session);
                to.Replica(returned.Requester);
                break;
            case ForwardFrame forward:
                Begin(Kind.Forward);
                SessionCodec.WriteId(to, forward.Session);
                SessionCodec.WriteGeneration(to, forward.Generation);
                to.Byte((byte)forward.Kind);
                if (forward.Kind != ForwardedKind.End)
                {
                    WritePlace(to, forward.Tracker, forward.Shard, forward.Request);
                }

                break;
            case ForwardedFrame forwarded:
                Begin(Kind.Forwarded);
                to.Byte((byte)forwarded.Result);
                to.Byte(forwarded.Entry is null ? (byte)0 : (byte)1);
                if (forwarded.Entry is { } entry)
                {
                    WriteEntry(to, entry);
                }

                break;
            case HandOverFrame handOver:
                Begin(Kind.HandOver);
                to.Number((ulong)handOver.Sessions.Count);
                foreach (var session in handOver.Sessions)
                {
                    SessionCodec.WriteStamp(to, session.Stamp);
                    to.Number((ulong)Math.Max(0, session.Left.TotalMilliseconds));
                    Write(to, session.Presences);
                }

                break;
            case HandedOverFrame done:
                Begin(Kind.HandedOver);
                to.Replica(done.Heir);
                to.Number((ulong)done.Accepted.Count);
                foreach (var accepted in done.Accepted)
                {
                    to.Byte(accepted ? (byte)1 : (byte)0);
                }

                break;
        }

        return to.Finish();

        void Begin(Kind kind)
        {
            to.Byte((byte)kind);
            to.Number(frame.Number);
        }
    }

    /// <exception cref="ShardFrameException">The bytes are not a frame of a supported version.</exception>
    public static SessionFrame Decode(ReadOnlySpan<byte> bytes, PresenceLimits limits)
    {
        var from = new FrameReader(bytes, [], limits);
        try
        {
            var version = from.Byte();
            if (version != Version)
            {
                throw new ShardFrameException($"The session frame has version {version}, not {Version}.");
            }

            var kind = (Kind)from.Byte();
            return ReadBody(ref from, kind, from.Number());
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

    private static SessionFrame ReadBody(ref FrameReader from, Kind kind, ulong number)
    {
        switch (kind)
        {
            case Kind.Request:
                return new SessionRequest(
                    number, SessionCodec.ReadId(ref from), SessionCodec.ReadGeneration(ref from),
                    checked((uint)from.Number()), checked((uint)from.Number()), from.Replica(), from.Replica());
            case Kind.Response:
                return ReadAnswer(ref from, number);
            case Kind.Query:
                return new SessionQuery(number, SessionCodec.ReadId(ref from));
            case Kind.Report:
                var greatest = SessionCodec.ReadGeneration(ref from);
                ReplicaId? owner = from.Byte() == 0 ? null : from.Replica();
                return new SessionReport(number, greatest, owner, ReadPresences(ref from));
            case Kind.Stale:
                return new StaleSession(
                    SessionCodec.ReadId(ref from), SessionCodec.ReadGeneration(ref from), from.Byte() == 1);
            case Kind.Return:
                return new ReturnFrame(SessionCodec.ReadId(ref from), from.Replica());
            case Kind.Forward:
                return ReadForward(ref from, number);
            case Kind.Forwarded:
                var result = (ForwardResult)from.Byte();
                return new ForwardedFrame(number, result, from.Byte() == 0 ? null : ReadEntry(ref from));
            case Kind.HandOver:
                var sessions = new HandedSession[from.Count(19)];
                foreach (ref var session in sessions.AsSpan())
                {
                    var stamp = SessionCodec.ReadStamp(ref from);
                    var left = Math.Min(from.Number(), (ulong)stamp.Grace.TotalMilliseconds);
                    session = new HandedSession(stamp, TimeSpan.FromMilliseconds(left), ReadPresences(ref from));
                }

                return new HandOverFrame(number, sessions);
            case Kind.HandedOver:
                var heir = from.Replica();
                var accepted = new bool[from.Count()];
                foreach (ref var one in accepted.AsSpan())
                {
                    one = from.Byte() == 1;
                }

                return new HandedOverFrame(number, heir, accepted);
            default:
                throw new ShardFrameException($"The session frame has kind {(byte)kind}, which is not supported.");
        }
    }

    private static SessionResponse ReadAnswer(ref FrameReader from, ulong number)
    {
        var kind = (ResponseKind)from.Byte();
        return kind switch
        {
            ResponseKind.Moved => new SessionResponse(number, kind, checked((uint)from.Number()), from.Replica()),
            ResponseKind.Released => new SessionResponse(
                number, kind, checked((uint)from.Number()), Presences: ReadPresences(ref from)),
            <= ResponseKind.Released => new SessionResponse(number, kind),
            _ => throw new ShardFrameException($"The answer has kind {(byte)kind}, which is not supported."),
        };
    }

    private static ForwardFrame ReadForward(ref FrameReader from, ulong number)
    {
        var session = SessionCodec.ReadId(ref from);
        var generation = SessionCodec.ReadGeneration(ref from);
        var kind = (ForwardedKind)from.Byte();
        if (kind >= ForwardedKind.End)
        {
            return kind == ForwardedKind.End
                ? new ForwardFrame(number, session, generation, kind, "", 0, default)
                : throw new ShardFrameException($"The change has kind {(byte)kind}, which is not supported.");
        }

        var (tracker, shard, request) = ReadPlace(ref from);
        return new ForwardFrame(number, session, generation, kind, tracker, shard, request);
    }

    private static void WriteEntry(FrameWriter to, PresenceEntry entry)
    {
        to.Replica(entry.Owner);
        to.Number(entry.Sequence);
        to.Number(entry.CreatedSequence);
        to.Number(entry.Previous);
        to.Number(entry.Process);
        to.Topic(entry.Topic);
        to.Text(entry.Key);
        to.Bytes(entry.Meta.Utf8.Span);
        SessionCodec.WriteStamp(to, entry.Stamp!);
        SessionCodec.WriteRef(to, entry.InheritedRef);
    }

    private static PresenceEntry ReadEntry(ref FrameReader from) => new(
        from.Replica(), from.Number(), from.Number(), from.Number(), from.Number(), from.Topic(), from.Key(),
        from.Meta(), SessionCodec.ReadStamp(ref from), SessionCodec.ReadRef(ref from));

    private static void WritePlace(FrameWriter to, string tracker, int shard, TrackRequest request)
    {
        to.Topic(tracker);
        to.Number((ulong)shard);
        to.Topic(request.Topic);
        to.Text(request.Key);
        to.Bytes(request.Meta.Utf8.Span);
    }

    private static (string Tracker, int Shard, TrackRequest Request) ReadPlace(ref FrameReader from) => (
        from.Topic(), checked((int)from.Number()), new TrackRequest(from.Topic(), from.Key(), from.Meta()));

    private static void Write(FrameWriter to, IReadOnlyList<SessionPresence> presences)
    {
        to.Number((ulong)presences.Count);
        foreach (var (tracker, shard, presence) in presences)
        {
            WritePlace(to, tracker, shard, presence.Request);
            SessionCodec.WriteRef(to, presence.Ref);
        }
    }

    private static SessionPresence[] ReadPresences(ref FrameReader from)
    {
        var presences = new SessionPresence[from.Count(8)];
        foreach (ref var presence in presences.AsSpan())
        {
            var (tracker, shard, request) = ReadPlace(ref from);
            presence = new(tracker, shard, new AdoptedPresence(request, SessionCodec.ReadRef(ref from)));
        }

        return presences;
    }
}
