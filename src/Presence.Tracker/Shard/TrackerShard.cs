using Presence.Crdt;
using Presence.Tracker.Index;
using Presence.Tracker.Sessions;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>
/// One shard of a tracker on one node, as a state machine: every input is a method call, every output an effect. It has
/// no clock, no randomness, no threads and no I/O. The host passes the time, runs one input at a time and executes the
/// effects.
/// </summary>
/// <remarks>Only <see cref="Index"/> and <see cref="ViewOf"/> are safe to use from other threads.</remarks>
internal sealed partial class TrackerShard
{
    private readonly TrackerOptions _options;
    private readonly AddWinsMap<PresenceEntry> _map;
    private readonly LocalReplica _local;
    private readonly PeerProtocol _peers;
    private readonly SessionView _sessions;
    private readonly PresencesByTopic _presences;
    private readonly ulong _seed;
    private readonly ulong _started;
    private volatile VersionVector _known;
    private bool _hasEnded;

    /// <summary>Creates a shard without peers.</summary>
    /// <param name="self">This node; its incarnation must exceed that of every earlier process of its name.</param>
    /// <param name="shard">The number of the shard.</param>
    /// <param name="options">Validated here.</param>
    /// <param name="limits">Validated here.</param>
    /// <param name="seed">A number unique to this process; it spreads first ticks and detects name conflicts.</param>
    /// <param name="bounds">Other frame sizes, for tests.</param>
    /// <exception cref="ArgumentException">An option or limit breaks its rule.</exception>
    public TrackerShard(
        ReplicaId self, int shard, TrackerOptions options, PresenceLimits limits, ulong seed,
        FrameBounds? bounds = null)
        : this(self, shard, null, options, limits, seed, bounds ?? FrameBounds.Production, [])
    {
    }

    private TrackerShard(
        ReplicaId self, int shard, int? poolSize, TrackerOptions options, PresenceLimits limits, ulong seed,
        FrameBounds bounds, TrackerShard[] node)
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
        PoolSize = poolSize ?? options.PoolSize;
        _known = new VersionVector(self, []);
        _map = new AddWinsMap<PresenceEntry>(options.MaxDeltaSizes[^1]);
        _sessions = new SessionView(Index, options.BroadcastPeriod * options.ClockSamplePeriods * 2);
        _homes = [.. node.Where((_, i) => HasCommonTopics(shard, PoolSize, i, node.Length))];
        _presences = IsReader
            ? new PresencesByTopic([.. node.Select(n => n.Presences)], [.. _homes.Select(h => h.Presences)])
            : new PresencesByTopic(Presences);
        _local = new LocalReplica(
            self, _map, Index, _sessions, limits, options.DeltaDelay, bounds, () => _peers!.PeerCount);
        var nameConflicts = new NameConflictDetector(self.Incarnation, seed);
        _peers = new PeerProtocol(
            _map, _presences, IsReader, options, _local, nameConflicts, () => From, bounds);
    }

    /// <summary>Gets the number of the shard; of a reader that of the lane.</summary>
    public int Shard { get; }

    /// <summary>Gets the number of lanes among which its lane is.</summary>
    public int PoolSize { get; }

    /// <summary>Gets the indexes whose topic names received entries share.</summary>
    public ReadOnlySpan<PresenceIndex> Names => _presences.Indexes;

    /// <summary>
    /// Gets whether the shard has no peers and sends nothing. Its presences do not belong to the sessions of the
    /// cluster: none is held for a successor.
    /// </summary>
    public bool IsLocalOnly { get; init; }

    /// <summary>Gets the local replica; its incarnation grows if another process has used it.</summary>
    public ReplicaId Self => _local.Id;

    /// <summary>Gets the visible presences; safe on any thread.</summary>
    public PresenceIndex Index { get; } = new();

    /// <summary>Gets when <see cref="Tick"/> is next due, on the host's clock.</summary>
    public TimeSpan NextTick { get; private set; }

    /// <summary>Gets when buffered changes must be sent; null if there are none.</summary>
    public TimeSpan? NextFlush => _local.DeltaBuffer.Due;

    private ShardPresences Presences => new(Index, _sessions);

    private Sender From => new(_local.Id, _started, _seed, PoolSize, _local.DeltaBuffer.Announced);

    /// <summary>Schedules the first tick within a quarter of the broadcast period. Call first.</summary>
    public void Start(TimeSpan now, ShardEffects effects)
    {
        Attach(now);
        NextTick = now + (_options.BroadcastPeriod * ((_seed % 1024) / 4096.0));
        _peers.Start(now);
    }

    /// <summary>Tracks a presence, as <c>Phoenix.Tracker.track</c>. The entry is visible on return.</summary>
    /// <exception cref="AlreadyTrackedException">Nothing changed.</exception>
    /// <exception cref="PresenceLimitException">Nothing changed.</exception>
    public PresenceEntry Track(
        TimeSpan now, ulong process, string topic, string key, PresenceMeta meta, ShardEffects effects,
        SessionStamp? stamp = null)
    {
        ArgumentNullException.ThrowIfNull(effects);
        var request = new TrackRequest(topic, key, meta);
        _local.CheckTrack(process, request);
        _sessions.Now = now;
        var entry = _local.Join(process, request, effects.Changes, Kept(stamp));
        OnLocalChange(now, effects);
        return entry;
    }

    /// <summary>Replaces the metadata by the result of a function of the current entry.</summary>
    /// <exception cref="NotTrackedException">Nothing changed.</exception>
    /// <exception cref="PresenceLimitException">Nothing changed.</exception>
    public PresenceEntry Update(
        TimeSpan now, ulong process, string topic, string key, Func<PresenceEntry, PresenceMeta> update,
        ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(update);
        ArgumentNullException.ThrowIfNull(effects);
        var old = _local.Find(process, topic, key);
        var meta = update(old);
        _local.CheckLimits(new TrackRequest(topic, key, meta));
        _sessions.Now = now;
        var entry = _local.Replace(old, meta, effects.Changes);
        OnLocalChange(now, effects);
        return entry;
    }

    /// <summary>Tracks all, or none if one is invalid.</summary>
    /// <exception cref="AlreadyTrackedException">One exists already or is named twice. Nothing changed.</exception>
    /// <exception cref="PresenceLimitException">Nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> TrackMany(
        TimeSpan now, ulong process, IReadOnlyList<TrackRequest> requests, ShardEffects effects,
        SessionStamp? stamp = null)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(effects);
        CheckTrackMany(process, requests);
        _sessions.Now = now;
        return ChangeEach(
            now, requests, request => _local.Join(process, request, effects.Changes, Kept(stamp)), effects);
    }

    /// <summary>Throws what <see cref="TrackMany"/> would throw. Changes nothing.</summary>
    /// <exception cref="AlreadyTrackedException">One exists already or is named twice.</exception>
    /// <exception cref="PresenceLimitException">A request breaks a limit.</exception>
    public void CheckTrackMany(ulong process, IReadOnlyList<TrackRequest> requests)
    {
        ArgumentNullException.ThrowIfNull(requests);
        _local.CheckTrackMany(process, requests);
    }

    /// <summary>Throws if a request breaks a limit.</summary>
    /// <exception cref="PresenceLimitException">A request breaks a limit.</exception>
    public void CheckLimits(TrackRequest request) => _local.CheckLimits(request);

    /// <summary>Updates all, or none if one does not exist.</summary>
    /// <exception cref="NotTrackedException">Nothing changed.</exception>
    /// <exception cref="PresenceLimitException">Nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> UpdateMany(
        TimeSpan now, ulong process, IReadOnlyList<TrackRequest> requests, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(effects);
        CheckUpdateMany(process, requests);
        _sessions.Now = now;
        return ChangeEach(
            now, requests, r => _local.Replace(_local.Find(process, r.Topic, r.Key), r.Meta, effects.Changes), effects);
    }

    /// <summary>Throws what <see cref="UpdateMany"/> would throw. Changes nothing.</summary>
    /// <exception cref="NotTrackedException">One does not exist.</exception>
    /// <exception cref="PresenceLimitException">A request breaks a limit.</exception>
    public void CheckUpdateMany(ulong process, IReadOnlyList<TrackRequest> requests)
    {
        ArgumentNullException.ThrowIfNull(requests);
        foreach (var request in requests)
        {
            _local.CheckLimits(request);
            _local.Find(process, request.Topic, request.Key);
        }
    }

    /// <summary>Ends one presence; returns false if it does not exist.</summary>
    public bool Untrack(
        TimeSpan now,
        ulong process,
        string topic,
        string key,
        ShardEffects effects,
        LeaveReason reason = LeaveReason.Untracked)
    {
        ArgumentNullException.ThrowIfNull(effects);
        if (_local.TryFind(process, topic, key) is not { } entry)
        {
            return false;
        }

        _sessions.Now = now;
        _local.End(entry, reason, effects.Changes);
        OnLocalChange(now, effects);
        return true;
    }

    /// <summary>Ends all presences of a session.</summary>
    /// <returns>The number of ended presences.</returns>
    public int UntrackAll(TimeSpan now, ulong process, LeaveReason reason, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        _sessions.Now = now;
        var ended = _local.EndAll(process, reason, effects.Changes);
        if (ended > 0)
        {
            OnLocalChange(now, effects);
        }

        return ended;
    }

    /// <summary>Returns the presences of a session of this node.</summary>
    public IReadOnlyList<PresenceEntry> EntriesOf(ulong process) => _local.EntriesOf(process);

    /// <summary>Runs the periodic step. Call when <see cref="NextTick"/> is due.</summary>
    public void Tick(TimeSpan now, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        NextTick = now + _options.BroadcastPeriod;
        _presences.SetNow(now);
        if (_hasEnded)
        {
            return;
        }

        Flush(now, effects);
        if (!IsLocalOnly)
        {
            var pause = _peers.Tick(now, effects);
            if (!IsReader)
            {
                _sessions.Tick(pause, effects, BehindSince());
            }

            CheckUse(now);
        }

        Publish();
        Index.Trim();
    }

    /// <summary>Sends the buffered changes. Call when <see cref="NextFlush"/> is due.</summary>
    public void Flush(TimeSpan now, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        if (_local.DeltaBuffer.IsEmpty)
        {
            return;
        }

        var delta = _local.DeltaBuffer.Drain(now, _local.Counter);
        if (!_hasEnded && _peers.PeerCount > 0)
        {
            effects.Frames.Add(new OutgoingFrame(null, new DeltaFrame(From, delta)));
        }
    }

    /// <summary>Handles a frame from another node and publishes the result.</summary>
    public void Receive(TimeSpan now, ShardFrame frame, ShardEffects effects)
    {
        Take(now, frame, effects);
        Publish();
    }

    /// <summary>
    /// Handles a frame without publishing the result. Call <see cref="Publish"/> once after several frames to publish
    /// each topic once.
    /// </summary>
    internal void Take(TimeSpan now, ShardFrame frame, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(effects);
        _presences.SetNow(now);
        if (!_hasEnded)
        {
            _hasEnded = !_peers.Receive(now, frame, effects);
        }
    }

    /// <summary>Publishes changes to readers, then the clocks. Call before executing the effects.</summary>
    internal void Publish()
    {
        foreach (var index in _presences.Indexes)
        {
            index.Publish();
        }

        _known = _peers.Known(_known);
    }

    /// <summary>Returns a topic and clocks that are not newer than it, on any thread.</summary>
    internal TopicSnapshotView ViewOf(string topic)
    {
        var readers = _readers;
        return new(readers.Length == 0 ? _known : KnownOf(topic, readers), Index.List(topic));
    }

    /// <summary>Handles a probe of another node, which counts as contact.</summary>
    /// <returns>Whether the probe names the current incarnation.</returns>
    public bool Probed(TimeSpan now, ProbeFrame probe, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(probe);
        Receive(now, probe, effects);
        return !_hasEnded && probe.Target == Self;
    }

    /// <summary>Reports the outcome of a probe.</summary>
    public void ProbeAnswered(TimeSpan now, ReplicaId target, bool answered, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        _presences.SetNow(now);
        if (!_hasEnded)
        {
            _peers.ProbeEnded(now, target, answered, effects);
            Publish();
        }
    }

    /// <summary>Discards the outcome of a probe, because this node itself was disconnected.</summary>
    public void ProbeAbandoned(ReplicaId target)
    {
        if (!_hasEnded)
        {
            _peers.ProbeAbandoned(target);
        }
    }

    /// <summary>Handles a node that membership reports as joined or reachable again.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">Its name.</param>
    /// <param name="effects">Receives the effects.</param>
    /// <param name="isWriter">Whether it is known to write in this lane; matters for a reader only.</param>
    public void NodeJoined(TimeSpan now, string node, ShardEffects effects, bool isWriter = false)
    {
        ArgumentNullException.ThrowIfNull(effects);
        if (!_hasEnded)
        {
            _peers.Expect(now, node, isWriter, effects);
        }
    }

    /// <summary>
    /// Gets whether the state of each node was received that was known and up at <see cref="AwaitNodes"/>.
    /// </summary>
    internal bool IsSynchronized => _peers.IsSynchronized;

    /// <summary>Begins to wait for the state of the nodes. Call when membership has named them.</summary>
    internal void AwaitNodes() => _peers.Await();

    /// <summary>Handles a node that membership reports as dead, in this and all earlier incarnations.</summary>
    public void NodeGone(TimeSpan now, string node, ulong incarnation, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        _presences.SetNow(now);
        if (!_hasEnded)
        {
            var replica = new ReplicaId(node, incarnation);
            _peers.MarkDead(now, replica, LeaveReason.NodeDown, ReplicaEventKind.Dead, effects);
            Publish();
        }
    }

    /// <summary>
    /// Stops the shard: the effects hold a leave frame for each node, which the host sends and has acknowledged. The
    /// shard sends and handles no frames afterwards; local sessions may still end.
    /// </summary>
    public void Leave(TimeSpan now, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        if (!_hasEnded)
        {
            _hasEnded = true;
            _peers.Leave(effects);
        }
    }

    /// <summary>Returns the state of all known peers.</summary>
    public IReadOnlyList<PeerStatus> Peers() => _peers.Statuses();

    /// <summary>Returns the current version of a local entry.</summary>
    /// <exception cref="NotTrackedException">It does not exist.</exception>
    internal PresenceEntry Find(ulong process, string topic, string key) => _local.Find(process, topic, key);

    internal void Plant(ShardDefect defect)
    {
        _sessions.Planted = defect;
        _peers.Plant(defect);
    }

    internal ShardMeasure Measure() => _peers.Measure();

    private SessionStamp? Kept(SessionStamp? stamp) => IsLocalOnly ? null : stamp;

    private void OnLocalChange(TimeSpan now, ShardEffects effects)
    {
        Index.Publish();
        if (NextFlush <= now || _local.DeltaBuffer.IsFull)
        {
            Flush(now, effects);
        }
    }

    private List<PresenceEntry> ChangeEach(
        TimeSpan now, IReadOnlyList<TrackRequest> requests, Func<TrackRequest, PresenceEntry> change,
        ShardEffects effects)
    {
        var entries = new List<PresenceEntry>(requests.Count);
        foreach (var request in requests)
        {
            entries.Add(change(request));
            if (_local.DeltaBuffer.IsFull)
            {
                Flush(now, effects);
            }
        }

        OnLocalChange(now, effects);
        return entries;
    }
}
