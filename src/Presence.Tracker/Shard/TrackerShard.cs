using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>
/// One shard of a tracker on one member, as a pure machine: every input is a method, every consequence is an effect. It
/// has no clock, no randomness, no threads and no I/O; the host gives the time, runs one input at a time and carries out
/// the effects.
/// </summary>
/// <remarks>Only <see cref="Index"/> and <see cref="ViewOf"/> may be used from other threads.</remarks>
internal sealed class TrackerShard
{
    private readonly TrackerOptions _options;
    private readonly AddWinsMap<PresenceEntry> _map;
    private readonly OwnReplica _own;
    private readonly ShardPeers _peers;
    private readonly ulong _seed;
    private readonly ulong _started;
    private volatile VersionVector _known;
    private bool _over;

    /// <summary>A shard that knows nobody yet.</summary>
    /// <param name="self">This member; its incarnation is above that of every earlier start under its name.</param>
    /// <param name="shard">Number of the shard.</param>
    /// <param name="options">Checked here.</param>
    /// <param name="limits">Checked here.</param>
    /// <param name="seed">Any number of this process alone: spreads the members' first ticks and tells namesakes apart.</param>
    /// <exception cref="PresenceOptionsException">An option or limit breaks its rule.</exception>
    public TrackerShard(ReplicaId self, int shard, TrackerOptions options, PresenceLimits limits, ulong seed)
        : this(self, shard, options, limits, seed, FrameBounds.Production)
    {
    }

    /// <summary>A shard with other frames than those of production, for tests.</summary>
    internal TrackerShard(
        ReplicaId self, int shard, TrackerOptions options, PresenceLimits limits, ulong seed, FrameBounds bounds)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(limits);
        ArgumentException.ThrowIfNullOrEmpty(self.Node);
        options.Validate();
        limits.Validate();
        _options = options;
        _seed = seed;
        _started = self.Incarnation;
        Shard = shard;
        _known = new VersionVector(self, []);
        _map = new AddWinsMap<PresenceEntry>(options.MaxDeltaSizes[^1]);
        _own = new OwnReplica(self, _map, Index, limits, options.DeltaDelay, bounds, () => _peers!.Any);
        _peers = new ShardPeers(_map, Index, options, _own, new Namesake(self.Incarnation, seed), () => From, bounds);
    }

    /// <summary>Number of the shard.</summary>
    public int Shard { get; }

    /// <summary>This replica; its incarnation grows if somebody else turns out to have used it.</summary>
    public ReplicaId Self => _own.Id;

    /// <summary>What readers see; safe on any thread.</summary>
    public PresenceIndex Index { get; } = new();

    /// <summary>When <see cref="Tick"/> is next due, on the host's clock.</summary>
    public TimeSpan NextTick { get; private set; }

    /// <summary>When gathered changes must leave, or null if there are none.</summary>
    public TimeSpan? NextFlush => _own.Outbox.Due;

    private Sender From => new(_own.Id, _started, _seed, _options.PoolSize, _own.Outbox.Announced);

    /// <summary>Begins: sets the first tick within a quarter of the broadcast period. Call first.</summary>
    public void Start(TimeSpan now, ShardEffects effects)
    {
        NextTick = now + (_options.BroadcastPeriod * ((_seed % 1024) / 4096.0));
        _peers.Start(now);
    }

    /// <summary>See Phoenix.Tracker track. The entry is listed and the join is among the effects.</summary>
    /// <exception cref="AlreadyTrackedException">Nothing changed.</exception>
    /// <exception cref="PresenceLimitException">Nothing changed.</exception>
    public PresenceEntry Track(
        TimeSpan now, ulong process, string topic, string key, PresenceMeta meta, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        var request = new TrackRequest(topic, key, meta);
        _own.CheckTrack(process, request);
        var entry = _own.Join(process, request, effects.Changes);
        Changed(now, effects);
        return entry;
    }

    /// <summary>Replaces metadata by what the function makes of the present entry.</summary>
    /// <exception cref="NotTrackedException">Nothing changed.</exception>
    /// <exception cref="PresenceLimitException">Nothing changed.</exception>
    public PresenceEntry Update(
        TimeSpan now, ulong process, string topic, string key, Func<PresenceEntry, PresenceMeta> update, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(update);
        ArgumentNullException.ThrowIfNull(effects);
        var old = _own.Find(process, topic, key);
        var meta = update(old);
        _own.CheckLimits(new TrackRequest(topic, key, meta));
        var entry = _own.Replace(old, meta, effects.Changes);
        Changed(now, effects);
        return entry;
    }

    /// <summary>Tracks many, or none of them if one cannot be.</summary>
    /// <exception cref="AlreadyTrackedException">One is there already or named twice. Nothing changed.</exception>
    /// <exception cref="PresenceLimitException">Nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> TrackMany(
        TimeSpan now, ulong process, IReadOnlyList<TrackRequest> requests, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(effects);
        CheckTrackMany(process, requests);
        return ChangeEach(now, requests, request => _own.Join(process, request, effects.Changes), effects);
    }

    /// <summary>Throws what <see cref="TrackMany"/> would throw, and changes nothing.</summary>
    /// <exception cref="AlreadyTrackedException">One is there already or named twice.</exception>
    /// <exception cref="PresenceLimitException">A request breaks a limit.</exception>
    public void CheckTrackMany(ulong process, IReadOnlyList<TrackRequest> requests)
    {
        ArgumentNullException.ThrowIfNull(requests);
        _own.CheckTrackMany(process, requests);
    }

    /// <summary>Updates many, or none of them if one is not there.</summary>
    /// <exception cref="NotTrackedException">Nothing changed.</exception>
    /// <exception cref="PresenceLimitException">Nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> UpdateMany(
        TimeSpan now, ulong process, IReadOnlyList<TrackRequest> requests, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(effects);
        CheckUpdateMany(process, requests);
        return ChangeEach(
            now, requests, r => _own.Replace(_own.Find(process, r.Topic, r.Key), r.Meta, effects.Changes), effects);
    }

    /// <summary>Throws what <see cref="UpdateMany"/> would throw, and changes nothing.</summary>
    /// <exception cref="NotTrackedException">One is not there.</exception>
    /// <exception cref="PresenceLimitException">A request breaks a limit.</exception>
    public void CheckUpdateMany(ulong process, IReadOnlyList<TrackRequest> requests)
    {
        ArgumentNullException.ThrowIfNull(requests);
        foreach (var request in requests)
        {
            _own.CheckLimits(request);
            _own.Find(process, request.Topic, request.Key);
        }
    }

    /// <summary>Ends one presence; false if it was not there.</summary>
    public bool Untrack(TimeSpan now, ulong process, string topic, string key, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        if (_own.TryFind(process, topic, key) is not { } entry)
        {
            return false;
        }

        _own.End(entry, LeaveReason.Untracked, effects.Changes);
        Changed(now, effects);
        return true;
    }

    /// <summary>Ends all presences of a process, because it untracked all or ended.</summary>
    /// <returns>How many.</returns>
    public int UntrackAll(TimeSpan now, ulong process, LeaveReason reason, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        var ended = _own.EndAll(process, reason, effects.Changes);
        if (ended > 0)
        {
            Changed(now, effects);
        }

        return ended;
    }

    /// <summary>The periodic step: broadcast, request repair, detect downs. Call when <see cref="NextTick"/> is due.</summary>
    public void Tick(TimeSpan now, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        NextTick = now + _options.BroadcastPeriod;
        if (_over)
        {
            return;
        }

        Flush(now, effects);
        _peers.Tick(now, effects);
        Publish();
        Index.Trim();
    }

    /// <summary>Sends what was gathered. Call when <see cref="NextFlush"/> is due.</summary>
    public void Flush(TimeSpan now, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        if (_own.Outbox.IsEmpty)
        {
            return;
        }

        var delta = _own.Outbox.Take(now, _own.Counter);
        if (!_over && _peers.Any)
        {
            effects.Frames.Add(new OutgoingFrame(null, new DeltaFrame(From, delta)));
        }
    }

    /// <summary>Takes a frame from another member.</summary>
    public void Receive(TimeSpan now, ShardFrame frame, ShardEffects effects)
    {
        Take(now, frame, effects);
        Publish();
    }

    /// <summary>
    /// Takes a frame as <see cref="Receive"/> does, and leaves it to <see cref="Publish"/> to show what it taught: frames that came
    /// together change each topic once.
    /// </summary>
    internal void Take(TimeSpan now, ShardFrame frame, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(effects);
        if (!_over)
        {
            _over = !_peers.Receive(now, frame, effects);
        }
    }

    /// <summary>Publishes what was taken to readers, the clocks last. Call before the effects are carried out.</summary>
    internal void Publish()
    {
        Index.Publish();
        _known = _peers.Known(_known);
    }

    /// <summary>A topic as readers see it now, on any thread. The snapshot may be newer than the clocks, never older.</summary>
    internal TopicView ViewOf(string topic) => new(_known, Index.List(topic));

    /// <summary>Another member probes: applies the frame as a sign of its life.</summary>
    /// <returns>Whether this is the incarnation that was meant.</returns>
    public bool Probed(TimeSpan now, ProbeFrame probe, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(probe);
        Receive(now, probe, effects);
        return !_over && probe.Target == Self;
    }

    /// <summary>The outcome of a probe from the effects.</summary>
    public void ProbeAnswered(TimeSpan now, ReplicaId target, bool answered, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        if (!_over)
        {
            _peers.ProbeEnded(now, target, answered, effects);
            Publish();
        }
    }

    /// <summary>
    /// The outcome of a probe from the effects if this member could not ask, or could not have heard the answer, because it was
    /// itself cut off from what joins the members: that says nothing about the target.
    /// </summary>
    public void ProbeAbandoned(ReplicaId target)
    {
        if (!_over)
        {
            _peers.ProbeAbandoned(target);
        }
    }

    /// <summary>Membership says that there is a member of this name, or that it is within reach again: greets it.</summary>
    public void MemberJoined(TimeSpan now, string member, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        if (!_over)
        {
            _peers.Expect(now, member, effects);
        }
    }

    /// <summary>Membership says that this incarnation of the member and all earlier ones are gone for good.</summary>
    public void MemberGone(TimeSpan now, string member, ulong incarnation, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        if (!_over)
        {
            _peers.Bury(now, new ReplicaId(member, incarnation), LeaveReason.NodeDown, ReplicaEventKind.Dead, effects);
            Publish();
        }
    }

    /// <summary>
    /// Stops in order: the effects hold a farewell for each member, which the host delivers and has acknowledged.
    /// Afterwards the shard sends nothing more and takes no frames; own processes may still end.
    /// </summary>
    public void Leave(TimeSpan now, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        if (!_over)
        {
            _over = true;
            _peers.SayFarewell(effects);
        }
    }

    /// <summary>The other replicas that are held, up or down.</summary>
    public IReadOnlyList<PeerStatus> Peers() => _peers.Statuses();

    /// <summary>The present version of an own entry.</summary>
    /// <exception cref="NotTrackedException">It is not there.</exception>
    internal PresenceEntry Find(ulong process, string topic, string key) => _own.Find(process, topic, key);

    internal void Plant(ShardDefect defect) => _peers.Plant(defect);

    internal ShardMeasure Measure() => _peers.Measure();

    private void Changed(TimeSpan now, ShardEffects effects)
    {
        Index.Publish();
        if (NextFlush <= now || _own.Outbox.IsFull)
        {
            Flush(now, effects);
        }
    }

    private List<PresenceEntry> ChangeEach(
        TimeSpan now, IReadOnlyList<TrackRequest> requests, Func<TrackRequest, PresenceEntry> change, ShardEffects effects)
    {
        var entries = new List<PresenceEntry>(requests.Count);
        foreach (var request in requests)
        {
            entries.Add(change(request));
            if (_own.Outbox.IsFull)
            {
                Flush(now, effects);
            }
        }

        Changed(now, effects);
        return entries;
    }
}
