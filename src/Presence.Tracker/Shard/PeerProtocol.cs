using Presence.Crdt;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>Processes frames of other replicas: failure detection, merging and anti-entropy.</summary>
internal sealed class PeerProtocol
{
    private readonly AddWinsMap<PresenceEntry> _map;
    private readonly bool _isReader;
    private readonly LocalReplica _local;
    private readonly NameConflictResolver _nameConflicts;
    private readonly Func<Sender> _from;
    private readonly Tombstones _tombstones;
    private readonly PeerTable _table;
    private readonly RepairScheduler _scheduler;
    private readonly VisibilityProjection _visibility;
    private readonly Heartbeats _heartbeats;
    private readonly AntiEntropy _antiEntropy;
    private readonly FailureDetector _failures;
    private readonly HashSet<string> _awaited = new(StringComparer.Ordinal);
    private ShardDefect _planted;

    /// <summary>The last request of each replica that arrived too soon after a suspension.</summary>
    private readonly Dictionary<ReplicaId, RequestFrame> _postponed = [];

    /// <param name="map">The replicated set.</param>
    /// <param name="presences">The visible presences.</param>
    /// <param name="isReader">Whether this node only reads the lane.</param>
    /// <param name="options">Validated options.</param>
    /// <param name="local">The local replica.</param>
    /// <param name="nameConflicts">Classifies frames that carry this node's own name.</param>
    /// <param name="from">Returns the header of a frame sent now.</param>
    /// <param name="bounds">Size limits of frames.</param>
    public PeerProtocol(
        AddWinsMap<PresenceEntry> map,
        PresencesByTopic presences,
        bool isReader,
        TrackerOptions options,
        LocalReplica local,
        NameConflictDetector nameConflicts,
        Func<Sender> from,
        FrameBounds bounds)
    {
        _map = map;
        _isReader = isReader;
        _local = local;
        _from = from;
        _tombstones = new Tombstones(options.PermDownPeriod * 2);
        _table = new PeerTable(map, _tombstones);
        _scheduler = new RepairScheduler(_table, bounds);
        _visibility = new VisibilityProjection(presences);
        _heartbeats = new Heartbeats(_table, _scheduler, local, options, from, isReader);
        _nameConflicts = new NameConflictResolver(local, nameConflicts, _heartbeats, options);
        _antiEntropy = new AntiEntropy(map, _table, _scheduler, _visibility, _heartbeats, local, options, from, bounds);
        _failures = new FailureDetector(_table, _tombstones, _visibility, options, from, Forget);
    }

    /// <summary>Activates a defect for the simulation.</summary>
    public void Plant(ShardDefect defect) => _planted = _local.Planted = _visibility.Planted = defect;

    public int PeerCount => _table.All.Count;

    /// <summary>Gets whether no node is known or expected here.</summary>
    public bool IsEmpty => _table.All.Count == 0 && _heartbeats.Expected.Count == 0;

    /// <summary>Gets whether the state of all nodes was received that <see cref="Await"/> found.</summary>
    public bool IsSynchronized => _awaited.Count == 0;

    /// <summary>Begins to wait for the state of all nodes that are known by now and up.</summary>
    public void Await()
    {
        _awaited.UnionWith(_heartbeats.Expected);
        _awaited.UnionWith(_table.All.Select(p => p.Replica.Node));
        CheckAwaited();
    }

    /// <summary>Returns how far each replica is known; the given vector itself if nothing has changed.</summary>
    public VersionVector Known(VersionVector last) => last.UpTo(_local.Id, _table.All);

    public void Start(TimeSpan now) => _failures.Start(now);

    /// <summary>
    /// Handles a node named by membership. A known one was disconnected, so both may lack state. One that is not known
    /// gets heartbeats until it answers; a reader does not know whether it writes in the lane.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="node">Its name.</param>
    /// <param name="isWriter">Whether it is known to write in the lane.</param>
    /// <param name="effects">Receives the effects.</param>
    public void Expect(TimeSpan now, string node, bool isWriter, ShardEffects effects)
    {
        if (_table.TryGet(node, out var peer))
        {
            _antiEntropy.SynchronizeNewcomer(now, peer, effects);
        }
        else if (isWriter || !_isReader)
        {
            _heartbeats.AddExpected(node, effects);
        }
    }

    /// <summary>Runs the periodic step, after local changes have been sent.</summary>
    /// <returns>How long this process was suspended; zero or less if it was not.</returns>
    public TimeSpan Tick(TimeSpan now, ShardEffects effects)
    {
        _nameConflicts.Tick(now, effects);
        var pause = _failures.CompensateForPause(now);
        _heartbeats.SendDue(effects);
        AnswerPostponed(now, effects);
        _antiEntropy.Sample(now, effects);
        _failures.DetectDowns(now, effects);
        return pause;
    }

    /// <summary>Returns since when changes of a node that is not down are missing here; null if none is.</summary>
    public TimeSpan? BehindSince()
    {
        TimeSpan? latest = null;
        foreach (var peer in _table.All)
        {
            if (peer is { State: not PeerState.Down, BehindSince: { } since } && RepairScheduler.Lacks(peer)
                && !(latest >= since))
            {
                latest = since;
            }
        }

        return latest;
    }

    /// <summary>Handles a frame.</summary>
    /// <returns>False if this node must stop: a newer living process has its name.</returns>
    public bool Receive(TimeSpan now, ShardFrame frame, ShardEffects effects)
    {
        var goesOn = Handle(now, frame, effects);
        CheckAwaited();
        return goesOn;
    }

    private bool Handle(TimeSpan now, ShardFrame frame, ShardEffects effects)
    {
        var sender = frame.From;
        var hasOwnName = string.Equals(sender.Replica.Node, _local.Id.Node, StringComparison.Ordinal);
        // Of other names twice as much: a node may have continued above the maximum.
        if (sender.Replica.Incarnation / (hasOwnName ? 1UL : 2UL) >= NameConflictDetector.MaxIncarnation)
        {
            effects.Events.Add(new(ReplicaEventKind.Ignored, sender.Replica, "no clock gives this incarnation"));
            return true;
        }

        if (hasOwnName)
        {
            return _nameConflicts.OnFrame(now, frame, effects);
        }

        if (frame is LeaveFrame)
        {
            MarkDead(now, sender.Replica, LeaveReason.NodeStopped, ReplicaEventKind.Stopped, effects);
            return true;
        }

        var isNew = OnContact(now, sender, effects, out var peer);
        if (peer is null)
        {
            if (frame is HeartbeatFrame or DeltaFrame)
            {
                SendStaleIncarnation(sender, effects);
            }

            return true;
        }

        MergeDelta(now, peer, frame, effects);
        _antiEntropy.RecoverIfComplete(peer, effects);
        if (isNew)
        {
            _antiEntropy.SynchronizeNewcomer(now, peer, effects);
        }
        else if (frame is HeartbeatFrame)
        {
            _antiEntropy.RequestIfNews(now, peer, effects);
        }

        return true;
    }

    /// <summary>Ignores a probe whose outcome says nothing about the target.</summary>
    public void ProbeAbandoned(ReplicaId target)
    {
        if (_table.TryGet(target, out var peer))
        {
            peer.OnProbeAbandoned();
        }
    }

    /// <summary>Records the outcome of a probe. An answer counts as contact, even if frames are lost.</summary>
    public void ProbeEnded(TimeSpan now, ReplicaId target, bool answered, ShardEffects effects)
    {
        if (!_table.TryGet(target, out var peer))
        {
            return;
        }

        if (!answered)
        {
            _failures.OnProbeFailed(now, peer, effects);
            return;
        }

        peer.OnProbeEnded(answered: true);
        if (_table.OnContact(target, now).Before == PeerState.Down)
        {
            peer.BeginRecovery();
            effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Recovering, target, "answered a probe"));
            _antiEntropy.SynchronizeNewcomer(now, peer, effects);
        }
    }

    /// <summary>Ends an incarnation of a node and all earlier ones permanently.</summary>
    public void MarkDead(
        TimeSpan now, ReplicaId replica, LeaveReason reason, ReplicaEventKind kind, ShardEffects effects)
    {
        if (replica.Node == _local.Id.Node)
        {
            return;
        }

        _heartbeats.RemoveExpected(replica.Node);
        _awaited.Remove(replica.Node);
        MarkEarlierDead(now, replica, reason, kind, effects);
    }

    /// <summary>Does the same for a node of which a later process is alive, and therefore expected as before.</summary>
    public void MarkEarlierDead(
        TimeSpan now, ReplicaId replica, LeaveReason reason, ReplicaEventKind kind, ShardEffects effects)
    {
        _tombstones.Add(replica, now);
        if (_table.TryGet(replica.Node, out var peer) && peer.Replica <= replica)
        {
            Forget(peer, reason, effects);
            effects.Events.Add(new ReplicaEvent(kind, peer.Replica));
        }
    }

    public void Leave(ShardEffects effects)
    {
        foreach (var peer in _table.All)
        {
            Send(peer.Replica.Node, new LeaveFrame(_from()), effects);
        }
    }

    public IReadOnlyList<PeerStatus> Statuses() =>
        [.. _table.All.OrderBy(p => p.Replica).Select(p => new PeerStatus(
            p.Replica, p.State != PeerState.Down, p.IsShown, p.Dots.Context.Prefix,
            RepairScheduler.MaxKnown(p), p.Dots.Count, p.LastContact,
            RepairScheduler.Lacks(p) ? p.BehindSince : null, p.IsReader))];

    public ShardMeasure Measure() => new(
        _map.Replicas.Values.Sum(d => d.Context.IntervalCount),
        _tombstones.Count,
        _map.Replicas.Values.Sum(d => d.Log.DotCount),
        _table.All.Sum(p => p.MinVisibleSequence.Count),
        _map.Replicas.Count,
        _map.Replicas.Values.Sum(d => d.Count),
        _local.SessionCount);

    private bool OnContact(TimeSpan now, Sender sender, ShardEffects effects, out Peer? peer)
    {
        if (_table.TryGet(sender.Replica, out var held) && held.Instance != sender.Instance)
        {
            // The clock went back and a later process got the same incarnation: its dots would be ambiguous.
            peer = null;
            effects.Events.Add(new(ReplicaEventKind.Ignored, sender.Replica, "another process used this incarnation"));
            return false;
        }

        var contact = _table.OnContact(sender.Replica, now);
        peer = contact.After;
        if (peer is null)
        {
            effects.Events.Add(new(ReplicaEventKind.Ignored, sender.Replica, "this incarnation has ended"));
            return false;
        }

        peer.Instance = sender.Instance;
        _heartbeats.RemoveExpected(sender.Replica.Node);
        peer.MaxKnownSequence = Math.Max(peer.MaxKnownSequence, sender.Counter);
        switch (contact)
        {
            case { Replaced: { } replaced }:
                if (_planted != ShardDefect.ReplacedWithoutTombstone)
                {
                    _tombstones.Add(replaced.Replica, now);
                }

                Forget(replaced, LeaveReason.Replaced, effects);
                effects.Started.Add(new(sender.Replica.Node, sender.Started));
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Replaced, replaced.Replica));
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Up, peer.Replica));
                return true;
            case { Before: PeerState.Unknown }:
                effects.Started.Add(new(sender.Replica.Node, sender.Started));
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Up, peer.Replica));
                return true;
            case { Before: PeerState.Down }:
                // This frame may be old; only the answer to a new request shows how far the peer is.
                peer.BeginRecovery();
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Recovering, peer.Replica));
                return true;
            default:
                return false;
        }
    }

    private void MergeDelta(TimeSpan now, Peer peer, ShardFrame frame, ShardEffects effects)
    {
        switch (frame)
        {
            case HeartbeatFrame heartbeat:
                if (heartbeat.OwnPoolSize > 0 && !peer.IsReader)
                {
                    peer.IsReader = true;
                    effects.OtherPools.Add(new(peer.Replica.Node, heartbeat.OwnPoolSize));
                }

                _nameConflicts.Find(now, heartbeat.Clocks, effects);
                _scheduler.Learn(peer.Replica, heartbeat.Clocks);
                break;
            case DeltaFrame delta:
                _visibility.Merge(peer, delta.Delta, effects);
                break;
            case RequestFrame request when _failures.HasRecoveredFromPause(now):
                _antiEntropy.Answer(peer, request, effects);
                break;
            case RequestFrame request:
                _postponed[peer.Replica] = request;
                break;
            case RepairFrame repair:
                _antiEntropy.TakePart(peer, repair, effects);
                break;
            case StaleIncarnationFrame stale when stale.Dead.Node == _local.Id.Node && stale.Dead >= _local.Id
                && stale.Dead.Incarnation <= NameConflictDetector.MaxIncarnation:
                _nameConflicts.RestartAbove(now, stale.Dead.Incarnation, effects);
                break;
        }
    }

    private void AnswerPostponed(TimeSpan now, ShardEffects effects)
    {
        if (_postponed.Count == 0 || !_failures.HasRecoveredFromPause(now))
        {
            return;
        }

        foreach (var (replica, request) in _postponed)
        {
            if (_table.TryGet(replica, out var peer))
            {
                _antiEntropy.Answer(peer, request, effects);
            }
        }

        _postponed.Clear();
    }

    private void Forget(Peer peer, LeaveReason reason, ShardEffects effects)
    {
        _postponed.Remove(peer.Replica);
        _visibility.OnLost(peer);
        if (peer.IsShown)
        {
            _visibility.RetractAll(peer, reason, effects.Changes);
        }

        _scheduler.Forget(peer.Replica);
        _table.Forget(peer);
    }

    /// <summary>
    /// Reports that the sender's incarnation has ended. All processes of that name receive the frame, so while a later
    /// one is in contact a heartbeat is sent instead, which names it.
    /// </summary>
    private void SendStaleIncarnation(Sender sender, ShardEffects effects)
    {
        if (_table.TryGet(sender.Replica.Node, out var newest)
            && newest.State != PeerState.Down && newest.Replica > sender.Replica)
        {
            _heartbeats.Send(sender.Replica.Node, effects);
        }
        else
        {
            Send(sender.Replica.Node, new StaleIncarnationFrame(_from(), _table.MaxEnded(sender.Replica)), effects);
        }
    }

    private void CheckAwaited()
    {
        if (_awaited.Count > 0)
        {
            _awaited.RemoveWhere(node => _table.TryGet(node, out var peer)
                && (peer.State == PeerState.Down || (peer.IsShown && !RepairScheduler.Lacks(peer))));
        }
    }

    private static void Send(string node, ShardFrame frame, ShardEffects effects) =>
        effects.Frames.Add(new OutgoingFrame(node, frame));
}
