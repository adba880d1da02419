using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>The shard's dealings with other members: frames, liveness, repair.</summary>
internal sealed class ShardPeers
{
    private const int MostExpected = 1024;

    private readonly AddWinsMap<PresenceEntry> _map;
    private readonly TrackerOptions _options;
    private readonly OwnReplica _own;
    private readonly Namesake _namesake;
    private readonly Func<Sender> _from;
    private readonly FrameBounds _bounds;
    private readonly Graves _graves;
    private readonly PeerTable _table;
    private readonly RepairDesk _desk;
    private readonly Showing _showing;
    private readonly HashSet<string> _expected = new(StringComparer.Ordinal);
    private readonly HashSet<ReplicaId> _refused = [];
    private readonly MergeResult<PresenceEntry> _merged = new();
    private TimeSpan _lastTick;
    private int _silent;
    private int _untilSample;
    private ulong _answers;

    /// <param name="map">The replicated set.</param>
    /// <param name="index">What readers see of it.</param>
    /// <param name="options">Valid.</param>
    /// <param name="own">This member's entries.</param>
    /// <param name="namesake">Judges frames under this member's own name.</param>
    /// <param name="from">The head of a frame sent now.</param>
    /// <param name="bounds">How much goes into one frame.</param>
    public ShardPeers(
        AddWinsMap<PresenceEntry> map,
        PresenceIndex index,
        TrackerOptions options,
        OwnReplica own,
        Namesake namesake,
        Func<Sender> from,
        FrameBounds bounds)
    {
        _map = map;
        _bounds = bounds;
        _options = options;
        _own = own;
        _namesake = namesake;
        _from = from;
        _graves = new Graves(options.PermDownPeriod * 2);
        _table = new PeerTable(map, _graves);
        _desk = new RepairDesk(_table, bounds);
        _showing = new Showing(index);
        // The first tick always says something.
        _silent = options.MaxSilentPeriods;
        _untilSample = options.ClockSamplePeriods;
    }

    public bool Any => _table.All.Count > 0;

    public void Start(TimeSpan now) => _lastTick = now;

    /// <summary>Takes a frame.</summary>
    /// <returns>False if this member must stop: a newer living namesake showed itself.</returns>
    public bool Receive(TimeSpan now, ShardFrame frame, ShardEffects effects)
    {
        var sender = frame.From;
        if (string.Equals(sender.Replica.Node, _own.Id.Node, StringComparison.Ordinal))
        {
            return MeetNamesake(sender, effects);
        }

        if (sender.PoolSize != _options.PoolSize)
        {
            Refuse(sender, effects);
            return true;
        }

        if (frame is FarewellFrame)
        {
            Bury(now, sender.Replica, LeaveReason.NodeStopped, ReplicaEventKind.Stopped, effects);
            return true;
        }

        var isNew = Hear(now, sender, effects, out var peer);
        if (peer is null)
        {
            if (frame is HeartbeatFrame or DeltaFrame)
            {
                Send(sender.Replica.Node, new ObituaryFrame(_from(), _table.LastOver(sender.Replica)), effects);
            }

            return true;
        }

        Take(now, peer, frame, effects);
        HealIfComplete(peer, effects);
        if (isNew)
        {
            Greet(now, peer, effects);
        }

        return true;
    }

    /// <summary>A probe was answered: the replica lives, whatever happened to its frames.</summary>
    public void Answered(TimeSpan now, ReplicaId target, ShardEffects effects)
    {
        if (!_table.TryGet(target, out var peer))
        {
            return;
        }

        if (_table.Hear(target, now).Before == PeerState.Down)
        {
            // How far it has got is told by its next frame, which the request below asks for.
            peer.HealTarget = ulong.MaxValue;
            effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Healing, target, "answered a probe"));
            Greet(now, peer, effects);
        }
    }

    public void Expect(string member, ShardEffects effects)
    {
        if (member != _own.Id.Node && !_table.TryGet(member, out _) && _expected.Count < MostExpected && _expected.Add(member))
        {
            Send(member, Heartbeat(), effects);
        }
    }

    /// <summary>Ends an incarnation of a member and all earlier ones, for good.</summary>
    public void Bury(TimeSpan now, ReplicaId replica, LeaveReason reason, ReplicaEventKind kind, ShardEffects effects)
    {
        if (replica.Node == _own.Id.Node)
        {
            return;
        }

        _graves.Bury(replica, now);
        _expected.Remove(replica.Node);
        if (_table.TryGet(replica.Node, out var peer) && peer.Replica <= replica)
        {
            Forget(peer, reason, effects);
            effects.Events.Add(new ReplicaEvent(kind, peer.Replica));
        }
    }

    /// <summary>A host that was not run for a while heard nobody: that is not their silence.</summary>
    public void ForgiveOwnPause(TimeSpan now)
    {
        var pause = now - _lastTick - (_options.BroadcastPeriod * 2);
        _lastTick = now;
        if (pause > TimeSpan.Zero)
        {
            foreach (var peer in _table.All)
            {
                peer.LastHeard = TimeSpan.FromTicks(Math.Min(now.Ticks, (peer.LastHeard + pause).Ticks));
            }
        }
    }

    /// <summary>A heartbeat after the silent periods; sooner while somebody may not know all of ours.</summary>
    public void SendHeartbeat(ShardEffects effects)
    {
        foreach (var member in _expected)
        {
            Send(member, Heartbeat(), effects);
        }

        _silent++;
        var isKnown = _table.All.All(p => p.State == PeerState.Down || _desk.Confirms(p.Replica, _own.Id, _own.Outbox.Announced));
        if (_silent > _options.MaxSilentPeriods || (!isKnown && _silent >= _options.ClockSamplePeriods))
        {
            _silent = 0;
            effects.Frames.Add(new OutgoingFrame(null, Heartbeat()));
        }
    }

    /// <summary>Every sampling period: asks for what is missing, of as few members as can answer.</summary>
    public void RequestRepair(TimeSpan now, ShardEffects effects)
    {
        if (--_untilSample > 0)
        {
            return;
        }

        _untilSample = _options.ClockSamplePeriods;
        foreach (var (target, contexts) in _desk.Requests(now))
        {
            Request(target, contexts, effects);
        }
    }

    public void DetectDowns(TimeSpan now, ShardEffects effects)
    {
        var down = _options.EffectiveDownPeriod;
        foreach (var peer in _table.All.OrderBy(p => p.Replica).ToArray())
        {
            var silence = now - peer.LastHeard;
            if (silence > _options.PermDownPeriod)
            {
                Forget(peer, LeaveReason.NodeDown, effects);
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.PermDown, peer.Replica));
                continue;
            }

            if (silence > down && peer.State != PeerState.Down)
            {
                if (peer.IsShown)
                {
                    _showing.HideAll(peer, LeaveReason.NodeDown, effects.Changes);
                }

                peer.State = PeerState.Down;
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Down, peer.Replica));
            }

            if (silence > down / 3 && (peer.ProbedAt is not { } probed || now - probed >= down / 6))
            {
                peer.ProbedAt = now;
                effects.Probes.Add(new ProbeFrame(_from(), peer.Replica));
            }
        }

        _graves.Clear(now);
    }

    public void SayFarewell(ShardEffects effects)
    {
        foreach (var peer in _table.All)
        {
            Send(peer.Replica.Node, new FarewellFrame(_from()), effects);
        }
    }

    public IReadOnlyList<PeerStatus> Statuses() =>
        [.. _table.All.OrderBy(p => p.Replica).Select(p => new PeerStatus(
            p.Replica, p.State != PeerState.Down, p.IsShown, p.Dots.Context.Prefix, Math.Max(p.Advertised, p.Dots.Context.Max),
            p.Dots.Count, p.LastHeard, RepairDesk.Lacks(p) ? p.BehindSince : null))];

    public ShardMeasure Measure() => new(
        _map.Replicas.Values.Sum(d => d.Context.IntervalCount),
        _graves.Count,
        _map.Replicas.Values.Sum(d => d.Log.DotCount),
        _table.All.Sum(p => p.Floors.Count),
        _map.Replicas.Count,
        _map.Replicas.Values.Sum(d => d.Count));

    private bool Hear(TimeSpan now, Sender sender, ShardEffects effects, out Peer? peer)
    {
        if (_table.TryGet(sender.Replica, out var held) && held.Instance != sender.Instance)
        {
            // A clock that stepped back gave a later start the same incarnation: a dot of it would mean two things.
            peer = null;
            effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Ignored, sender.Replica, "this incarnation was another process"));
            return false;
        }

        var heard = _table.Hear(sender.Replica, now);
        peer = heard.After;
        if (peer is null)
        {
            effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Ignored, sender.Replica, "this incarnation is over"));
            return false;
        }

        peer.Instance = sender.Instance;
        _expected.Remove(sender.Replica.Node);
        peer.Advertised = Math.Max(peer.Advertised, sender.Counter);
        switch (heard)
        {
            case { Replaced: { } replaced }:
                _graves.Bury(replaced.Replica, now);
                Forget(replaced, LeaveReason.Replaced, effects);
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Replaced, replaced.Replica));
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Up, peer.Replica));
                return true;
            case { Before: PeerState.Unknown }:
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Up, peer.Replica));
                return true;
            case { Before: PeerState.Down }:
                peer.HealTarget = sender.Counter;
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Healing, peer.Replica));
                return true;
            case { Before: PeerState.Healing } when peer.HealTarget == ulong.MaxValue:
                peer.HealTarget = sender.Counter;
                return false;
            default:
                return false;
        }
    }

    private void Take(TimeSpan now, Peer peer, ShardFrame frame, ShardEffects effects)
    {
        switch (frame)
        {
            case HeartbeatFrame heartbeat:
                if (heartbeat.Clocks.Any(c => IsOwnUsedByAnother(c.Replica, c.Max)))
                {
                    RestartAbove(heartbeat.Clocks.Max(c => c.Replica.Node == _own.Id.Node ? c.Replica.Incarnation : 0), effects);
                }

                _desk.Learn(peer.Replica, heartbeat.Clocks);
                break;
            case DeltaFrame delta:
                Merge(peer, delta.Delta, effects);
                break;
            case RequestFrame request:
                Answer(peer, request, effects);
                break;
            case RepairFrame repair:
                TakePart(peer, repair, effects);
                break;
            case ObituaryFrame obituary when obituary.Dead.Node == _own.Id.Node && obituary.Dead >= _own.Id:
                RestartAbove(obituary.Dead.Incarnation, effects);
                break;
        }
    }

    private void Answer(Peer peer, RequestFrame request, ShardEffects effects)
    {
        var any = false;
        foreach (var (replica, seen) in request.Seen)
        {
            if (!_map.TryGet(replica, out var dots))
            {
                continue;
            }

            foreach (var part in new RepairAnswer(replica, dots, seen, _bounds).Frames(_from(), ++_answers))
            {
                Send(peer.Replica.Node, part, effects);
                any = true;
            }
        }

        if (any)
        {
            effects.Events.Add(new ReplicaEvent(ReplicaEventKind.RepairSent, peer.Replica));
        }
        else
        {
            // Even "nothing" is an answer: it tells the counter.
            Send(peer.Replica.Node, Heartbeat(), effects);
        }
    }

    private void TakePart(Peer answerer, RepairFrame part, ShardEffects effects)
    {
        if (!_table.TryGet(part.Replica, out var peer))
        {
            return;
        }

        if (part.Sequence is { } sequence)
        {
            var (by, answer, next) = peer.Taking;
            var isNext = sequence.Index == 0
                || (by == answerer.Replica && answer == sequence.Answer && next == sequence.Index);
            if (!isNext)
            {
                MergeWithoutContext(peer, part.Part, effects);
                return;
            }

            peer.Taking = (answerer.Replica, sequence.Answer, sequence.Index + 1);
        }

        var known = (peer.Dots.Context.Prefix, peer.Dots.Context.IntervalCount, peer.Dots.Count);
        Merge(peer, part.Part, effects);
        HealIfComplete(peer, effects);
        var learnt = known != (peer.Dots.Context.Prefix, peer.Dots.Context.IntervalCount, peer.Dots.Count);
        // What taught nothing would be answered alike: then the next comparison of clocks is soon enough.
        if (part.More && learnt && RepairDesk.Lacks(peer))
        {
            Request(answerer.Replica, [_desk.ContextOf(peer)], effects);
        }
    }

    private void Merge(Peer peer, ReplicaDots<PresenceEntry> delta, ShardEffects effects)
    {
        _merged.Clear();
        peer.Dots.Merge(delta, _merged);
        Apply(peer, effects);
    }

    /// <summary>Takes the deaths a part tells of known entries, without believing that nothing was before it.</summary>
    private void MergeWithoutContext(Peer peer, ReplicaDots<PresenceEntry> part, ShardEffects effects)
    {
        _merged.Clear();
        foreach (var interval in part.Dead().Intervals)
        {
            peer.Dots.KillKnown(interval, _merged);
        }

        Apply(peer, effects);
    }

    private void Apply(Peer peer, ShardEffects effects)
    {
        if (peer.IsShown)
        {
            _showing.Apply(peer, _merged, effects.Changes);
        }
        else
        {
            Showing.Note(peer, _merged);
        }

        if (peer.BehindSince is not null && !RepairDesk.Lacks(peer))
        {
            peer.BehindSince = null;
        }
    }

    private void HealIfComplete(Peer peer, ShardEffects effects)
    {
        if (peer.State == PeerState.Healing && peer.Dots.Context.Prefix >= peer.HealTarget)
        {
            peer.State = PeerState.Up;
            _showing.ShowAll(peer, effects.Changes);
            effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Healed, peer.Replica));
        }
    }

    private void Greet(TimeSpan now, Peer peer, ShardEffects effects)
    {
        Send(peer.Replica.Node, Heartbeat(), effects);
        if (RepairDesk.Lacks(peer) || peer.State == PeerState.Healing)
        {
            peer.BehindSince ??= now;
            Request(peer.Replica, [_desk.ContextOf(peer)], effects);
        }
    }

    private void Request(ReplicaId target, IReadOnlyList<ReplicaContext> contexts, ShardEffects effects)
    {
        Send(target.Node, new RequestFrame(_from(), contexts), effects);
        effects.Events.Add(new ReplicaEvent(ReplicaEventKind.RepairRequested, target));
    }

    private void Forget(Peer peer, LeaveReason reason, ShardEffects effects)
    {
        if (peer.IsShown)
        {
            _showing.HideAll(peer, reason, effects.Changes);
        }

        _desk.Forget(peer.Replica);
        _table.Forget(peer);
    }

    private bool MeetNamesake(Sender sender, ShardEffects effects)
    {
        switch (_namesake.Judge(sender, _own.Id.Incarnation))
        {
            case NamesakeVerdict.Restart:
                RestartAbove(sender.Replica.Incarnation, effects);
                return true;
            case NamesakeVerdict.Stop:
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.NameConflict, sender.Replica, "a newer member has this name"));
                return false;
            default:
                return true;
        }
    }

    private bool IsOwnUsedByAnother(ReplicaId replica, ulong max) =>
        replica.Node == _own.Id.Node
        && (replica.Incarnation > _own.Id.Incarnation || (replica == _own.Id && max > _own.Counter));

    private void RestartAbove(ulong incarnation, ShardEffects effects)
    {
        var next = new ReplicaId(_own.Id.Node, _namesake.Choose(Math.Max(incarnation, _own.Id.Incarnation)));
        _own.RestartAs(next, effects.Changes);
        effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Restarted, next));
        // What was gathered goes by repair: the others learn of the new incarnation by this heartbeat and ask.
        _own.Outbox.Take(_lastTick, _own.Counter);
        effects.Frames.Add(new OutgoingFrame(null, Heartbeat()));
    }

    private void Refuse(Sender sender, ShardEffects effects)
    {
        if (_refused.Count < MostExpected && _refused.Add(sender.Replica))
        {
            effects.Events.Add(new ReplicaEvent(
                ReplicaEventKind.Refused,
                sender.Replica,
                $"its PoolSize is {sender.PoolSize}, this member's is {_options.PoolSize}; all members must have the same"));
        }
    }

    private HeartbeatFrame Heartbeat() => new(
        _from(),
        [.. _table.All
            .Where(p => p.State != PeerState.Down)
            .Select(p => new Clock(p.Replica, p.Dots.Context.Prefix, p.Dots.Context.Max))]);

    private static void Send(string member, ShardFrame frame, ShardEffects effects) =>
        effects.Frames.Add(new OutgoingFrame(member, frame));
}
