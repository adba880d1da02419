using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>One start of a node of a <see cref="SimulatedCluster"/>: a real shard and its host.</summary>
public sealed partial class SimulatedNode
{
    private readonly SimulatedCluster _cluster;
    private readonly NodeClock _clock;
    private readonly ShardSeam _seam;
    private readonly SimulationRandom _random;
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
        Shard = new(_self, 0, cluster.TrackerOptions(poolSize), options.Limits, random.Next(), options.Frames);
        _seam.Created(Shard);
    }

    /// <summary>Gets the name.</summary>
    public string Name { get; }

    /// <summary>Gets the state.</summary>
    public SimulatedNodeState State { get; private set; }

    /// <summary>Gets the name and current incarnation.</summary>
    public ReplicaId Self => _self;

    /// <summary>Gets the visible presences of all nodes.</summary>
    internal PresenceIndex Index => Shard.Index;

    /// <summary>Gets the state of the other replicas.</summary>
    internal IReadOnlyList<PeerStatus> Peers => Shard.Peers();

    /// <summary>Gets the open sessions.</summary>
    public IReadOnlyList<ulong> Processes => _processes;

    internal int Id { get; }

    internal ulong Incarnation { get; }

    internal int PoolSize { get; }

    internal TrackerShard Shard { get; }

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
    public TopicSnapshot List(string topic) => Shard.Index.List(topic);

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
        Step(StepCause.Leave, now => Shard.Leave(now, _effects));
    }

    internal void Start() => Step(StepCause.Start, now => Shard.Start(now, _effects));

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

    internal void Deliver(ReadOnlyMemory<byte> bytes) => Accept(() => Receive(bytes));

    /// <summary>Delivers a probe of another node; a suspended node handles it when it resumes.</summary>
    internal void DeliverProbe(ReadOnlyMemory<byte> bytes, Action<bool> answer) => Accept(() =>
    {
        var probe = (ProbeFrame)ShardFrameCodec.Decode(bytes.Span);
        LastContacts.From(probe.From.Replica, LocalNow);
        Step(StepCause.Probe, now => answer(Shard.Probed(now, probe, _effects)));
    });

    internal void ProbeEnded(ReplicaId target, bool answered) => Accept(() =>
    {
        var reported = _seam.Probed(answered);
        if (answered)
        {
            LastContacts.From(target, LocalNow);
        }

        Step(StepCause.Probe, now => Shard.ProbeAnswered(now, target, reported, _effects));
    });

    internal void HintJoined(string node) =>
        Accept(() => Step(StepCause.Hint, now => Shard.NodeJoined(now, node, _effects)));

    internal void HintGone(ReplicaId gone) => Accept(() =>
    {
        if (_cluster.IsGone(gone))
        {
            _cluster.Trace?.Invoke($"{Name} is notified that {gone} is gone");
            if (_seam.UsesMembership)
            {
                Step(StepCause.Hint, now => Shard.NodeGone(now, gone.Node, gone.Incarnation, _effects));
            }

            _cluster.Ended(this, gone);
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

    private void Receive(ReadOnlyMemory<byte> bytes)
    {
        if (_seam.Receiving(ShardFrameCodec.Decode(bytes.Span)) is not { } frame)
        {
            return;
        }

        LastContacts.From(frame.From.Replica, LocalNow);
        _cluster.Trace?.Invoke($"{Name} < {frame}");
        Step(StepCause.Frame, now => Shard.Receive(now, frame, _effects));
    }

    private void Require(SimulatedNodeState state)
    {
        if (State != state)
        {
            throw new InvalidOperationException($"{this} is not {state}.");
        }
    }
}
