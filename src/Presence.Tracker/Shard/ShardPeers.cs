using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>The shard's dealings with other members: frames, liveness, repair.</summary>
internal sealed class ShardPeers
{
    private const int MostRefused = 1024;

    private readonly AddWinsMap<PresenceEntry> _map;
    private readonly TrackerOptions _options;
    private readonly OwnReplica _own;
    private readonly OwnName _ownName;
    private readonly Func<Sender> _from;
    private readonly Graves _graves;
    private readonly PeerTable _table;
    private readonly RepairDesk _desk;
    private readonly Showing _showing;
    private readonly Heartbeats _heartbeats;
    private readonly Repairs _repairs;
    private readonly Liveness _liveness;
    private readonly HashSet<ReplicaId> _refused = [];

    /// <summary>The newest request of each member that came too soon after a pause.</summary>
    private readonly Dictionary<ReplicaId, RequestFrame> _postponed = [];

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
        _options = options;
        _own = own;
        _from = from;
        _graves = new Graves(options.PermDownPeriod * 2);
        _table = new PeerTable(map, _graves);
        _desk = new RepairDesk(_table, bounds);
        _showing = new Showing(index);
        _heartbeats = new Heartbeats(_table, _desk, own, options, from);
        _ownName = new OwnName(own, namesake, _heartbeats, options);
        _repairs = new Repairs(map, _table, _desk, _showing, _heartbeats, own, options, from, bounds);
        _liveness = new Liveness(_table, _graves, _showing, options, from, Forget);
    }

    /// <summary>For the simulation alone.</summary>
    public void Plant(ShardDefect defect) => _own.Planted = _showing.Planted = defect;

    public bool Any => _table.All.Count > 0;

    /// <summary>How far the replicas are known; the given vector itself if nothing has changed.</summary>
    public VersionVector Known(VersionVector last) => last.UpTo(_own.Id, _table.All);

    public void Start(TimeSpan now) => _liveness.Start(now);

    /// <summary>Membership named a member; one that is held already was out of reach for a while, so each may lack something.</summary>
    public void Expect(TimeSpan now, string member, ShardEffects effects)
    {
        if (_table.TryGet(member, out var peer))
        {
            _repairs.Greet(now, peer, effects);
        }
        else
        {
            _heartbeats.Expect(member, effects);
        }
    }

    /// <summary>The periodic step, after the own changes have left.</summary>
    public void Tick(TimeSpan now, ShardEffects effects)
    {
        _ownName.Tick(now, effects);
        _liveness.ForgiveOwnPause(now);
        _heartbeats.Beat(effects);
        AnswerPostponed(now, effects);
        _repairs.Sample(now, effects);
        _liveness.DetectDowns(now, effects);
    }

    /// <summary>Takes a frame.</summary>
    /// <returns>False if this member must stop: a newer living namesake showed itself.</returns>
    public bool Receive(TimeSpan now, ShardFrame frame, ShardEffects effects)
    {
        var sender = frame.From;
        if (string.Equals(sender.Replica.Node, _own.Id.Node, StringComparison.Ordinal))
        {
            return _ownName.Meet(now, frame, effects);
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
                TellItIsOver(sender, effects);
            }

            return true;
        }

        Take(now, peer, frame, effects);
        _repairs.HealIfComplete(peer, effects);
        if (isNew)
        {
            _repairs.Greet(now, peer, effects);
        }
        else if (frame is HeartbeatFrame)
        {
            _repairs.RequestIfNews(now, peer, effects);
        }

        return true;
    }

    /// <summary>A probe ended that neither an answer nor silence can be read from.</summary>
    public void ProbeAbandoned(ReplicaId target)
    {
        if (_table.TryGet(target, out var peer))
        {
            peer.ProbeAbandoned();
        }
    }

    /// <summary>How a probe ended. An answer says that the replica lives, whatever happened to its frames.</summary>
    public void ProbeEnded(TimeSpan now, ReplicaId target, bool answered, ShardEffects effects)
    {
        if (!_table.TryGet(target, out var peer))
        {
            return;
        }

        if (!answered)
        {
            _liveness.Unanswered(now, peer, effects);
            return;
        }

        peer.ProbeEnded(answered: true);
        if (_table.Hear(target, now).Before == PeerState.Down)
        {
            peer.BeginHealing();
            effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Healing, target, "answered a probe"));
            _repairs.Greet(now, peer, effects);
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
        _heartbeats.Met(replica.Node);
        if (_table.TryGet(replica.Node, out var peer) && peer.Replica <= replica)
        {
            Forget(peer, reason, effects);
            effects.Events.Add(new ReplicaEvent(kind, peer.Replica));
        }
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
        _heartbeats.Met(sender.Replica.Node);
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
                // Whatever this frame tells may be old; how far the peer has got is told by the answer to a request of now.
                peer.BeginHealing();
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Healing, peer.Replica));
                return true;
            default:
                return false;
        }
    }

    private void Take(TimeSpan now, Peer peer, ShardFrame frame, ShardEffects effects)
    {
        switch (frame)
        {
            case HeartbeatFrame heartbeat:
                _ownName.Find(now, heartbeat.Clocks, effects);

                _desk.Learn(peer.Replica, heartbeat.Clocks);
                break;
            case DeltaFrame delta:
                _repairs.Merge(peer, delta.Delta, effects);
                break;
            case RequestFrame request when _liveness.IsComposed(now):
                _repairs.Answer(peer, request, effects);
                break;
            case RequestFrame request:
                _postponed[peer.Replica] = request;
                break;
            case RepairFrame repair:
                _repairs.TakePart(peer, repair, effects);
                break;
            case ObituaryFrame obituary when obituary.Dead.Node == _own.Id.Node && obituary.Dead >= _own.Id:
                _ownName.RestartAbove(now, obituary.Dead.Incarnation, effects);
                break;
        }
    }

    private void AnswerPostponed(TimeSpan now, ShardEffects effects)
    {
        if (_postponed.Count == 0 || !_liveness.IsComposed(now))
        {
            return;
        }

        foreach (var (replica, request) in _postponed)
        {
            if (_table.TryGet(replica, out var peer))
            {
                _repairs.Answer(peer, request, effects);
            }
        }

        _postponed.Clear();
    }

    private void Forget(Peer peer, LeaveReason reason, ShardEffects effects)
    {
        _postponed.Remove(peer.Replica);
        if (peer.IsShown)
        {
            _showing.HideAll(peer, reason, effects.Changes);
        }

        _desk.Forget(peer.Replica);
        _table.Forget(peer);
    }

    /// <summary>
    /// Tells the sender that its incarnation is over. Whoever bears its name hears it; so if a later one of them lives, both are told that it
    /// does, and only if none does, that all are over.
    /// </summary>
    private void TellItIsOver(Sender sender, ShardEffects effects)
    {
        if (_table.TryGet(sender.Replica.Node, out var living) && living.State != PeerState.Down && living.Replica > sender.Replica)
        {
            _heartbeats.Send(sender.Replica.Node, effects);
        }
        else
        {
            Send(sender.Replica.Node, new ObituaryFrame(_from(), _table.LastOver(sender.Replica)), effects);
        }
    }

    private void Refuse(Sender sender, ShardEffects effects)
    {
        if (_refused.Count < MostRefused && _refused.Add(sender.Replica))
        {
            effects.Events.Add(new ReplicaEvent(
                ReplicaEventKind.Refused,
                sender.Replica,
                $"its PoolSize is {sender.PoolSize}, this member's is {_options.PoolSize}; all members must have the same"));
        }
    }

    private static void Send(string member, ShardFrame frame, ShardEffects effects) =>
        effects.Frames.Add(new OutgoingFrame(member, frame));
}
