using Presence.Crdt;
using Presence.TestKit.Cluster;
using Presence.TestKit.Seam;
using Presence.TestKit.Time;
using Presence.Tracker;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.TestKit;

/// <summary>One start of a node of a <see cref="SimulatedCluster"/>: real shards and their host.</summary>
public sealed partial class SimulatedNode
{
    private readonly SimulatedCluster _cluster;
    private readonly NodeClock _clock;
    private readonly ShardSeam _seam;
    private readonly SimulationRandom _random;
    private readonly TrackerShard[] _shards;
    private readonly SortedDictionary<int, TrackerShard[]> _readers = [];
    private readonly ShardEffects _effects = new();
    private readonly Queue<Action> _inbox = new();
    private ReplicaId _self;
    private ulong _lastProcess;
    private int _wake;
    private TimeSpan _wakeAt = TimeSpan.MaxValue;

    internal SimulatedNode(
        SimulatedCluster cluster, int id, string name, ulong incarnation, NodeClock clock, int poolSize,
        SimulationRandom random)
    {
        _cluster = cluster;
        _clock = clock;
        _random = random;
        _seam = cluster.Options.Seam?.Invoke() ?? new ShardSeam();
        _seam.Node = this;
        Id = id;
        Name = name;
        Incarnation = _seam.Starting(incarnation);
        PoolSize = poolSize;
        StartedAt = cluster.Now;
        AwakeSince = cluster.Now;
        _self = new ReplicaId(name, Incarnation);
        var options = cluster.Options;
        var tracker = cluster.TrackerOptions(poolSize);
        _shards = new TrackerShard[poolSize];
        for (var shard = 0; shard < poolSize; shard++)
        {
            _shards[shard] = new(_self, shard, tracker, options.Limits, random.Next(), options.Frames);
            _seam.Created(_shards[shard]);
        }
    }

    /// <summary>Gets the name.</summary>
    public string Name { get; }

    /// <summary>Gets the state.</summary>
    public SimulatedNodeState State { get; private set; }

    /// <summary>Gets the name and current incarnation.</summary>
    public ReplicaId Self => _self;

    /// <summary>Gets the number of visible presences of all nodes.</summary>
    internal int EntryCount => _shards.Sum(shard => shard.Index.Count);

    /// <summary>Gets the state of the other replicas, of each shard.</summary>
    internal IReadOnlyList<PeerStatus> Peers =>
        [.. Shards.SelectMany(shard => shard.Peers()).Where(peer => !peer.IsReader)];

    /// <summary>Gets the open sessions.</summary>
    public IReadOnlyList<ulong> Processes => _processes;

    internal int Id { get; }

    internal ulong Incarnation { get; }

    internal int PoolSize { get; }

    /// <summary>Gets its shards, and those that read the lanes of nodes with another pool size.</summary>
    internal IReadOnlyList<TrackerShard> Shards => [.. _shards, .. _readers.Values.SelectMany(readers => readers)];

    /// <summary>Gets the shard of the last step.</summary>
    internal TrackerShard Stepping { get; private set; } = null!;

    internal TimeSpan StartedAt { get; }

    /// <summary>Gets when it started or resumed.</summary>
    internal TimeSpan AwakeSince { get; private set; }

    internal TimeSpan? EndedAt { get; private set; }

    /// <summary>Gets or sets whether another living node has its name.</summary>
    internal bool HasDuplicate { get; set; }

    internal bool IsAlive => State is SimulatedNodeState.Running or SimulatedNodeState.Paused;

    /// <summary>Gets the presences of its open sessions.</summary>
    internal LocalPresences Local { get; } = new();

    /// <summary>Gets the presences that result from its changes.</summary>
    internal ShownPresences Shown { get; } = new();

    /// <summary>Gets the last contacts with other replicas, on this node's clock.</summary>
    internal ContactTimes LastContacts { get; } = new();

    internal TimeSpan LocalNow => _clock.Read(_cluster.Now);

    /// <summary>Returns the presences of a topic that are visible on this node.</summary>
    public TopicSnapshot List(string topic) => ShardOf(topic).Index.List(topic);

    /// <summary>Returns the topics with presences.</summary>
    internal IReadOnlyList<TopicCount> Topics() =>
        [.. _shards.SelectMany(shard => shard.Index.Topics(null, 10_000))];

    /// <summary>Returns the topics in which a key is present, in ordinal order.</summary>
    internal IReadOnlyList<string> TopicsOf(string key) =>
        [.. _shards.SelectMany(shard => shard.Index.TopicsOf(key)).Order(StringComparer.Ordinal)];

    private TrackerShard ShardOf(string topic) => _shards[PresencesByTopic.ShardOf(topic, PoolSize)];

    /// <inheritdoc/>
    public override string ToString() => $"{_self} {State}";

    /// <summary>Suspends the node; input to it is queued.</summary>
    public void Pause()
    {
        Require(SimulatedNodeState.Running);
        State = SimulatedNodeState.Paused;
        _cluster.TopologyChanged(this, "paused");
    }

    /// <summary>Resumes the node; queued input arrives at once.</summary>
    public void Resume()
    {
        Require(SimulatedNodeState.Paused);
        State = SimulatedNodeState.Running;
        AwakeSince = _cluster.Now;
        _cluster.TopologyChanged(this, "resumed");
        var timersFirst = _random.Chance(0.5);
        if (timersFirst)
        {
            Wake();
        }

        while (_inbox.TryDequeue(out var input) && State == SimulatedNodeState.Running)
        {
            input();
        }

        if (State == SimulatedNodeState.Running && !timersFirst)
        {
            Wake();
        }
    }

    /// <summary>Ends the node without a leave frame.</summary>
    public void Crash()
    {
        if (!IsAlive)
        {
            throw new InvalidOperationException($"{this} cannot crash.");
        }

        Stop("crashed");
        _cluster.HintGone(this);
    }

    /// <summary>Leaves; <see cref="SimulatedNodeState.Stopped"/> after acknowledgement or timeout.</summary>
    public void Leave()
    {
        Require(SimulatedNodeState.Running);
        State = SimulatedNodeState.Leaving;
        EndedAt = _cluster.Now;
        _cluster.RecordEnd(_self);
        Local.Clear();
        _processes.Clear();
        _cluster.TopologyChanged(this, "leaving");
        StepEach(StepCause.Leave, (shard, now) => shard.Leave(now, _effects));
        _cluster.Leave(this, _leaveFrames);
    }

    internal void Start() => StepEach(StepCause.Start, (shard, now) => shard.Start(now, _effects));

    internal void Stop(string how)
    {
        State = SimulatedNodeState.Stopped;
        EndedAt ??= _cluster.Now;
        _cluster.RecordEnd(_self);
        Local.Clear();
        _processes.Clear();
        _inbox.Clear();
        _cluster.TopologyChanged(this, how);
    }

    internal void Deliver(LaneFrame frame) => Accept(() => Receive(frame));

    /// <summary>Delivers a probe of another node; a suspended node handles it when it resumes.</summary>
    internal void DeliverProbe(LaneFrame frame, Action<bool> answer) => Accept(() =>
    {
        var probe = (ProbeFrame)ShardFrameCodec.Decode(frame.Bytes.Span);
        if (Find(probe, frame.Lane.Number) is not { } shard)
        {
            answer(false);
            return;
        }

        LastContacts.From(shard, probe.From.Replica, LocalNow);
        Step(shard, StepCause.Probe, now => answer(shard.Probed(now, probe, _effects)));
    });

    internal void ProbeEnded(TrackerShard shard, ReplicaId target, bool answered) => Accept(() =>
    {
        var reported = _seam.Probed(answered);
        if (answered)
        {
            LastContacts.From(shard, target, LocalNow);
        }

        Step(shard, StepCause.Probe, now => shard.ProbeAnswered(now, target, reported, _effects));
    });

    internal void HintJoined(string node) =>
        Accept(() => StepEach(StepCause.Hint, (shard, now) => shard.NodeJoined(now, node, _effects)));

    internal void HintGone(ReplicaId gone) => Accept(() =>
    {
        if (_cluster.IsGone(gone))
        {
            _cluster.Trace?.Invoke($"{Name} is notified that {gone} is gone");
            if (_seam.UsesMembership)
            {
                StepEach(
                    StepCause.Hint, (shard, now) => shard.NodeGone(now, gone.Node, gone.Incarnation, _effects));
            }

            foreach (var shard in Shards)
            {
                _cluster.Ended(this, Lane.Of(shard), gone);
            }
        }
    });

    private void Accept(Action input)
    {
        switch (State)
        {
            case SimulatedNodeState.Running:
                input();
                break;
            case SimulatedNodeState.Paused:
                if (_inbox.Count == _cluster.Options.InboxCapacity)
                {
                    _inbox.Dequeue();
                    _cluster.CountInboxDrop();
                }

                _inbox.Enqueue(input);
                break;
        }
    }

    private void Receive(LaneFrame received)
    {
        if (_seam.Receiving(ShardFrameCodec.Decode(received.Bytes.Span)) is not { } frame
            || Find(frame, received.Lane.Number) is not { } shard)
        {
            return;
        }

        LastContacts.From(shard, frame.From.Replica, LocalNow);
        _cluster.Trace?.Invoke($"{Name}/{shard.Shard} of {shard.PoolSize} < {frame}");
        Step(shard, StepCause.Frame, now => shard.Receive(now, frame, _effects));
    }

    /// <summary>Returns the shard that a frame is for, and creates one for another pool size.</summary>
    private TrackerShard? Find(ShardFrame frame, int lane)
    {
        var poolSize = frame.From.PoolSize;
        if (poolSize == PoolSize)
        {
            return lane < PoolSize ? _shards[lane] : null;
        }

        return _readers.ContainsKey(poolSize) || frame is DeltaFrame or HeartbeatFrame { OwnPoolSize: 0 }
            ? ReadersOf(poolSize).ElementAtOrDefault(lane)
            : null;
    }

    private TrackerShard[] ReadersOf(int poolSize)
    {
        if (!_readers.TryGetValue(poolSize, out var readers))
        {
            var options = _cluster.Options;
            readers = TrackerShard.CreateReaders(
                new ReplicaId(Name, Incarnation), poolSize, _shards, options.Limits, _random.Next, options.Frames);
            _readers.Add(poolSize, readers);
            foreach (var reader in readers)
            {
                Step(reader, StepCause.Start, now => reader.Start(now, _effects));
            }
        }

        return readers;
    }

    private void Require(SimulatedNodeState state)
    {
        if (State != state)
        {
            throw new InvalidOperationException($"{this} is not {state}.");
        }
    }
}
