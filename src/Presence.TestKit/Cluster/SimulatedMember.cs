using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>One start of one member of a <see cref="SimulatedCluster"/>: a real shard, and the host that drives it.</summary>
public sealed partial class SimulatedMember
{
    private readonly SimulatedCluster _cluster;
    private readonly MemberClock _clock;
    private readonly ShardSeam _seam;
    private readonly SimulationRandom _random;
    private readonly ShardEffects _effects = new();
    private readonly Queue<Action> _inbox = new();
    private ReplicaId _self;
    private ulong _lastProcess;
    private int _wake;
    private TimeSpan _wakeAt = TimeSpan.MaxValue;

    internal SimulatedMember(
        SimulatedCluster cluster, int id, string name, ulong incarnation, MemberClock clock, int poolSize, SimulationRandom random)
    {
        _cluster = cluster;
        _clock = clock;
        _random = random;
        _seam = cluster.Options.Seam?.Invoke() ?? new ShardSeam();
        _seam.Member = this;
        Id = id;
        Name = name;
        Incarnation = _seam.Starting(incarnation);
        PoolSize = poolSize;
        StartedAt = cluster.Now;
        AwakeSince = cluster.Now;
        _self = new ReplicaId(name, Incarnation);
        Shard = new TrackerShard(_self, 0, cluster.TrackerOptions(poolSize), cluster.Options.Limits, random.Next(), cluster.Options.Frames);
        _seam.Created(Shard);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>What it is doing.</summary>
    public MemberState State { get; private set; }

    /// <summary>Name and present incarnation.</summary>
    public ReplicaId Self => _self;

    /// <summary>What it shows to readers, of itself and of the others.</summary>
    internal PresenceIndex Index => Shard.Index;

    /// <summary>The other replicas as it sees them.</summary>
    internal IReadOnlyList<PeerStatus> Peers => Shard.Peers();

    /// <summary>Living processes that were started here.</summary>
    public IReadOnlyList<ulong> Processes => _processes;

    internal int Id { get; }

    internal ulong Incarnation { get; }

    internal int PoolSize { get; }

    internal TrackerShard Shard { get; }

    internal TimeSpan StartedAt { get; }

    /// <summary>Since when it has not been paused.</summary>
    internal TimeSpan AwakeSince { get; private set; }

    /// <summary>When it crashed or left.</summary>
    internal TimeSpan? EndedAt { get; private set; }

    /// <summary>Whether another process of its name lives.</summary>
    internal bool HasTwin { get; set; }

    internal bool Lives => State is MemberState.Running or MemberState.Paused;

    /// <summary>What its living processes hold.</summary>
    internal OwnedPresences Owned { get; } = new();

    /// <summary>What an observer of its changes knows.</summary>
    internal ShownPresences Shown { get; } = new();

    /// <summary>Signs of life of others, on this member's clock.</summary>
    internal SignsOfLife Heard { get; } = new();

    /// <summary>When the frame or probe that was taken last had been sent.</summary>
    internal TimeSpan FrameSentAt { get; private set; }

    internal TimeSpan LocalNow => _clock.Read(_cluster.Now);

    /// <summary>Who is present in the topic, as this member shows it.</summary>
    public TopicSnapshot List(string topic) => Shard.Index.List(topic);

    /// <inheritdoc/>
    public override string ToString() => $"{_self} {State}";

    /// <summary>Freezes the member; what is sent to it piles up.</summary>
    public void Pause()
    {
        Require(MemberState.Running);
        State = MemberState.Paused;
        _cluster.TopologyChanged(this, "paused");
    }

    /// <summary>Wakes the member; what piled up arrives at once.</summary>
    public void Resume()
    {
        Require(MemberState.Paused);
        State = MemberState.Running;
        AwakeSince = _cluster.Now;
        _cluster.TopologyChanged(this, "resumed");
        var timersFirst = _random.Chance(0.5);
        if (timersFirst)
        {
            Wake();
        }

        while (_inbox.TryDequeue(out var input) && State == MemberState.Running)
        {
            input();
        }

        if (State == MemberState.Running && !timersFirst)
        {
            Wake();
        }
    }

    /// <summary>Ends the member at once and without a word.</summary>
    public void Crash()
    {
        if (!Lives)
        {
            throw new InvalidOperationException($"{this} cannot crash.");
        }

        Stop("crashed");
        _cluster.HintGone(this);
    }

    /// <summary>Says farewell; the member is <see cref="MemberState.Stopped"/> once it was acknowledged, or timed out.</summary>
    public void Leave()
    {
        Require(MemberState.Running);
        State = MemberState.Leaving;
        EndedAt = _cluster.Now;
        _cluster.EndOf(_self);
        Owned.Clear();
        _processes.Clear();
        _cluster.TopologyChanged(this, "leaving");
        Step(StepCause.Leave, now => Shard.Leave(now, _effects));
    }

    internal void Start() => Step(StepCause.Start, now => Shard.Start(now, _effects));

    internal void Stop(string how)
    {
        State = MemberState.Stopped;
        EndedAt ??= _cluster.Now;
        _cluster.EndOf(_self);
        Owned.Clear();
        _processes.Clear();
        _inbox.Clear();
        _cluster.TopologyChanged(this, how);
    }

    internal void Deliver(ReadOnlyMemory<byte> bytes, TimeSpan sentAt) => Accept(() => Receive(bytes, sentAt));

    /// <summary>Another member asks whether this one is there; a frozen one hears it when it wakes.</summary>
    internal void DeliverProbe(ReadOnlyMemory<byte> bytes, TimeSpan sentAt, Action<bool> answer) => Accept(() =>
    {
        FrameSentAt = sentAt;
        var probe = (ProbeFrame)ShardFrameCodec.Decode(bytes.Span);
        Heard.From(probe.From.Replica, LocalNow);
        Step(StepCause.Probe, now => answer(Shard.Probed(now, probe, _effects)));
    });

    internal void ProbeEnded(ReplicaId target, bool answered) => Accept(() =>
    {
        var told = _seam.Probed(answered);
        if (answered)
        {
            Heard.From(target, LocalNow);
        }

        Step(StepCause.Probe, now => Shard.ProbeAnswered(now, target, told, _effects));
    });

    internal void HintJoined(string member) =>
        Accept(() => Step(StepCause.Hint, now => Shard.MemberJoined(now, member, _effects)));

    internal void HintGone(ReplicaId gone) => Accept(() =>
    {
        if (_cluster.IsGone(gone))
        {
            _cluster.Trace?.Invoke($"{Name} is told that {gone} is gone");
            if (_seam.MindsMembership)
            {
                Step(StepCause.Hint, now => Shard.MemberGone(now, gone.Node, gone.Incarnation, _effects));
            }

            _cluster.Ended(this, gone);
        }
    });

    private void Accept(Action input)
    {
        switch (State)
        {
            case MemberState.Running:
                input();
                break;
            case MemberState.Paused:
                if (_inbox.Count == _cluster.Options.InboxCapacity)
                {
                    _inbox.Dequeue();
                    _cluster.CountInboxDrop();
                }

                _inbox.Enqueue(input);
                break;
        }
    }

    private void Receive(ReadOnlyMemory<byte> bytes, TimeSpan sentAt)
    {
        FrameSentAt = sentAt;
        if (_seam.Receiving(ShardFrameCodec.Decode(bytes.Span)) is not { } frame)
        {
            return;
        }

        Heard.From(frame.From.Replica, LocalNow);
        _cluster.Trace?.Invoke($"{Name} < {frame}");
        Step(StepCause.Frame, now => Shard.Receive(now, frame, _effects));
    }

    private void Require(MemberState state)
    {
        if (State != state)
        {
            throw new InvalidOperationException($"{this} is not {state}.");
        }
    }
}
