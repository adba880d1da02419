using Presence.Node;
using Presence.Node.Sessions;
using Presence.TestKit.Time;
using Presence.Tracker.Sessions;

namespace Presence.Tracker.Tests.Simulation.Sessions;

/// <summary>A simulated node with resumable sessions: the real session table on two real shards.</summary>
internal sealed class SessionNode : ISessionCluster
{
    public const string Tracker = "presence";

    /// <summary>A session that ends later than due by more than this was due during a suspension.</summary>
    private static readonly TimeSpan MaxLateness = TimeSpan.FromMilliseconds(600);

    private readonly SessionHistory _history;
    private readonly SimulationRandom _random;
    private readonly NodeClock _clock;
    private readonly Queue<Action> _inbox = new();
    private readonly SimulatedShard[] _shards;

    public SessionNode(SessionHistory history, string name, ulong incarnation, SimulationRandom random)
    {
        _history = history;
        _random = random;
        Name = name;
        Self = new ReplicaId(name, incarnation);
        _clock = new NodeClock(
            history.Time.Now, random.Between(TimeSpan.Zero, TimeSpan.FromDays(1)), random.Between(-5000, 5000));
        _shards = [new(this, 0, history, random.Next()), new(this, 1, history, random.Next())];
        Sessions = new SessionTable(this) { Planted = history.Options.SessionDefect };
    }

    public string Name { get; }

    public ReplicaId Self { get; }

    public SessionTable Sessions { get; }

    public bool IsAlive { get; private set; } = true;

    public bool IsPaused { get; private set; }

    public bool IsStopping { get; private set; }

    public bool IsReady => IsAlive && !IsPaused && !IsStopping;

    /// <summary>Gets what an observer was told of each presence: its ref, or null after a leave.</summary>
    public Dictionary<(string Topic, string Key), string?> Told { get; } = [];

    public TimeSpan Now => _clock.Read(_history.Time.Now);

    public IReadOnlyList<SessionShard> Shards => _shards;

    public TaskCreationOptions Completion => TaskCreationOptions.None;

    public void Start()
    {
        foreach (var shard in _shards)
        {
            shard.Step((s, now, effects) => s.Start(now, effects));
        }
    }

    public IEnumerable<PresenceEntry> Entries(int topics) =>
        Enumerable.Range(0, topics).SelectMany(t => _shards[t % 2].Machine.Index.List($"t{t}"));

    public SimulatedShard ShardOf(string topic) => _shards[(topic[^1] - '0') % 2];

    /// <summary>Tracks a presence as a tracker does.</summary>
    public PresenceEntry Track(PresenceSession session, string topic, string key, PresenceMeta meta)
    {
        var shard = ShardOf(topic);
        var stamp = session.StampForChange();
        var entry = shard.Step((s, now, effects) => s.Track(now, session.Id, topic, key, meta, effects, stamp));
        if (!session.Link(shard.Link))
        {
            shard.Step((s, now, effects) => s.UntrackAll(now, session.Id, session.EndReason, effects));
        }

        return entry;
    }

    public void Update(PresenceSession session, string topic, string key, PresenceMeta meta)
    {
        session.StampForChange();
        ShardOf(topic).Step((s, now, effects) => s.Update(now, session.Id, topic, key, _ => meta, effects));
    }

    public bool Untrack(PresenceSession session, string topic, string key)
    {
        session.StampForChange();
        return ShardOf(topic).Step((s, now, effects) => s.Untrack(now, session.Id, topic, key, effects));
    }

    public void Crash()
    {
        IsAlive = false;
        _inbox.Clear();
        foreach (var other in _history.Others(this).Where(_ => _random.Chance(0.5)))
        {
            var hint = _random.Between(TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(800));
            _history.Time.After(hint, () => other.Accept(() => other.Gone(Self)));
        }
    }

    public void Pause(TimeSpan duration)
    {
        IsPaused = true;
        var overdue = Sessions.All().Where(s => s.Until < Now + duration - MaxLateness).ToArray();
        _history.Time.After(duration, () =>
        {
            IsPaused = false;
            var timersFirst = _random.Chance(0.5);
            var inputs = _inbox.ToArray();
            _inbox.Clear();
            foreach (var shard in _shards.Where(_ => timersFirst && IsAlive))
            {
                shard.Wake();
            }

            Array.ForEach(inputs, Accept);
            _history.Rules.OnWoken(this, overdue.Where(s => s.Until is not null || s.Root.IsEnded));
        });
    }

    /// <summary>Stops as planned: hands its sessions over, then leaves.</summary>
    public async Task StopAsync()
    {
        IsStopping = true;
        var sessions = Sessions.All();
        await Sessions.HandOverAsync(TimeSpan.FromSeconds(1)).ConfigureAwait(false);
        _history.Rules.OnStopped(sessions);
        if (!IsAlive)
        {
            return;
        }

        foreach (var shard in _shards)
        {
            shard.Step((s, now, effects) => s.Leave(now, effects));
        }

        _history.Time.After(TimeSpan.FromMilliseconds(50), () => IsAlive = false);
    }

    /// <summary>Runs an input now, when the node is no longer suspended, or never.</summary>
    public void Accept(Action input)
    {
        if (IsPaused && IsAlive)
        {
            _inbox.Enqueue(input);
        }
        else if (IsAlive)
        {
            input();
        }
    }

    public IReadOnlyList<string> Heirs() =>
        [.. _shards[0].Machine.Peers().Where(p => p.IsUp).Select(p => p.Replica.Node)];

    public bool KnowSessions { get; set; } = true;

    public SessionId NewId() => new(_random.Next(), _random.Next());

    public ulong NewProcess() => ++_history.LastProcess;

    /// <summary>Sends a request as over a connection: it arrives unless a link is cut or the node is gone.</summary>
    public Task<bool> SendAsync(string node, SessionFrame frame)
    {
        var sent = new TaskCompletionSource<bool>();
        _history.Trace($"{Name} -> {node} {frame}");
        _history.Rules.OnSent(this, node, frame);
        var bytes = SessionFrameCodec.Encode(frame);
        // A hand-over or its acknowledgement may be lost: the stopping node does not wait for long.
        var isLost = frame is HandOverFrame or HandedOverFrame && _random.Chance(_history.Options.HandOverLoss);
        _history.Time.After(TimeSpan.FromMilliseconds(600), () => Accept(() => sent.TrySetResult(false)));
        if (_history.CanReach(Name, node) && !isLost)
        {
            _history.Time.After(_history.Network.Delay(Name, node), () => _history.Find(node)?.Accept(() =>
            {
                var arrived = SessionFrameCodec.Decode(bytes, new PresenceLimits());
                _history.Rules.OnArrived(_history.Find(node)!, Name, arrived);
                _history.Find(node)!.Sessions.OnFrame(Name, arrived);
                if (_history.CanReach(node, Name))
                {
                    _history.Time.After(
                        _history.Network.Delay(node, Name), () => Accept(() => sent.TrySetResult(true)));
                }
            }));
        }

        return sent.Task;
    }

    public IDisposable After(TimeSpan delay, Action action)
    {
        var timer = new Timer { Action = action };
        _history.Time.At(_clock.WhenShows(Now + delay), () => Accept(timer.Fire));
        return timer;
    }

    public void Notify(Action action) => action();

    public void Failed(Exception e) => throw new InvalidOperationException($"{Name}: {e.Message}", e);

    public void Schedule(TimeSpan due, Action wake) => _history.Time.At(_clock.WhenShows(due), () => Accept(wake));

    public void Joined(string node)
    {
        foreach (var shard in _shards)
        {
            shard.Step((s, now, effects) => s.NodeJoined(now, node, effects));
        }
    }

    private void Gone(ReplicaId replica)
    {
        foreach (var shard in _shards)
        {
            shard.Step((s, now, effects) => s.NodeGone(now, replica.Node, replica.Incarnation, effects));
        }
    }

    private sealed class Timer : IDisposable
    {
        public Action? Action { get; set; }

        public void Fire()
        {
            var action = Action;
            Action = null;
            action?.Invoke();
        }

        public void Dispose() => Action = null;
    }
}
