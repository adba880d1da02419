using Presence.Crdt;
using Presence.TestKit.Invariants;
using Presence.TestKit.Network;
using Presence.TestKit.Time;
using Presence.Tracker.Shard;

namespace Presence.TestKit;

/// <summary>
/// A cluster in one thread and in virtual time: real shards, the real codec, and a simulated network, clocks and
/// crashes, controlled by the test and otherwise by the seed. The same seed and calls give the same run.
/// </summary>
/// <remarks>Not thread-safe; several clusters can run in parallel.</remarks>
public sealed partial class SimulatedCluster
{
    private const double MaxEventsPerSecond = 20_000;

    private readonly List<SimulatedNode> _all = [];
    private readonly List<SimulatedNode> _living = [];
    private readonly Dictionary<string, TimeSpan> _wallClockError = new(StringComparer.Ordinal);
    private readonly Dictionary<ReplicaId, TimeSpan> _endings = [];
    private readonly HashSet<ReplicaId> _shared = [];
    private readonly Dictionary<ReplicaId, int> _pools = [];
    private readonly List<Violation> _violations = [];
    private readonly List<Invariant> _invariants;
    private readonly SimulationRandom _random;
    private readonly long[] _transitions = new long[Enum.GetValues<ReplicaEventKind>().Length];

    /// <summary>Creates a cluster without nodes.</summary>
    /// <param name="seed">Determines everything random.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <example>
    /// <code>
    /// var cluster = new SimulatedCluster(seed: 1);
    /// var (a, b) = (cluster.Start("a"), cluster.Start("b"));
    /// a.Track(a.OpenSession(), "lobby", "ann");
    /// cluster.Run(TimeSpan.FromSeconds(5));
    /// Assert.Equal(["ann"], b.List("lobby").Select(entry =&gt; entry.Key));
    /// </code>
    /// </example>
    public SimulatedCluster(ulong seed, SimulatedClusterOptions? options = null)
    {
        Seed = seed;
        Options = options ?? new SimulatedClusterOptions();
        Options.Validate();
        _random = new SimulationRandom(seed);
        Time = new VirtualTime();
        Network = new(Time, _random.Fork(), Options.Network) { Changed = () => TopologyChanged(null, "") };
        Connectivity = new Connectivity(Network, Time);
        Bounds = new VisibilityBounds(Options);
        Trace = Options.Trace is { } trace ? line => trace($"{Now.TotalMilliseconds,9:F1} {line}") : null;
        _invariants = Invariant.All(this);
        Time.After(Options.Tracker.BroadcastPeriod, Sample);
    }

    /// <summary>Gets the seed.</summary>
    public ulong Seed { get; }

    /// <summary>Gets the virtual time since the cluster was created.</summary>
    public TimeSpan Now => Time.Now;

    /// <summary>Gets the network.</summary>
    public SimulatedNetwork Network { get; }

    /// <summary>Gets the running and paused nodes, in order of their starts.</summary>
    public IReadOnlyList<SimulatedNode> Nodes => _living;

    /// <summary>Gets the violations so far.</summary>
    public IReadOnlyList<Violation> Violations => _violations;

    /// <summary>Gets how often nodes reported each transition.</summary>
    internal IReadOnlyDictionary<ReplicaEventKind, long> Transitions =>
        Enum.GetValues<ReplicaEventKind>().ToDictionary(kind => kind, kind => _transitions[(int)kind]);

    internal SimulatedClusterOptions Options { get; }

    internal VirtualTime Time { get; }

    internal Connectivity Connectivity { get; }

    internal VisibilityBounds Bounds { get; }

    internal Action<string>? Trace { get; }

    internal IReadOnlyList<SimulatedNode> AllStarts => _all;

    internal long InboxDrops { get; private set; }

    internal bool Failed => _violations.Count > 0;

    /// <summary>Gets the living node of a name.</summary>
    /// <exception cref="KeyNotFoundException">No such node lives.</exception>
    public SimulatedNode this[string name] =>
        _living.FindLast(node => node.Name == name) ?? throw new KeyNotFoundException($"No node '{name}' lives.");

    /// <summary>Starts a node; its incarnation is the wall clock of its machine.</summary>
    /// <exception cref="InvalidOperationException">A node of this name lives.</exception>
    public SimulatedNode Start(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return _living.Exists(node => node.Name == name)
            ? throw new InvalidOperationException($"A node '{name}' lives; crash or stop it first.")
            : Start(name, WallClock(name), Options.Tracker.PoolSize);
    }

    /// <summary>Starts a node, even if another one of its name lives.</summary>
    internal SimulatedNode Start(string name, ulong incarnation, int poolSize)
    {
        var clock = new NodeClock(
            Now, _random.Between(TimeSpan.Zero, TimeSpan.FromDays(1)), _random.Between(-5000, 5000));
        var node = new SimulatedNode(this, _all.Count, name, incarnation, clock, poolSize, _random.Fork());
        if (_endings.ContainsKey(node.Self) || _all.Exists(one => one.Self == node.Self))
        {
            _shared.Add(node.Self);
        }

        _pools[node.Self] = poolSize;
        _all.Add(node);
        TopologyChanged(node, $"starts as {node.Self}");
        foreach (var invariant in _invariants)
        {
            invariant.Started(node);
        }

        node.Start();
        HintJoined(node);
        return node;
    }

    /// <summary>Steps the wall clock of a machine, which affects the incarnation of later starts only.</summary>
    public void StepWallClock(string name, TimeSpan by)
    {
        _wallClockError[name] = _wallClockError.GetValueOrDefault(name) + by;
        Trace?.Invoke($"{name} wall clock steps by {by}");
    }

    /// <summary>Returns the wall clock of a machine, in microseconds.</summary>
    internal ulong WallClock(string name)
    {
        var shown = TimeSpan.FromHours(1) + Now + _wallClockError.GetValueOrDefault(name);
        return (ulong)Math.Max(1, shown.Ticks / TimeSpan.TicksPerMicrosecond);
    }

    /// <summary>Runs the cluster for a duration.</summary>
    public void Run(TimeSpan duration)
    {
        var until = Now + duration;
        while (!Failed && Time.Step(until))
        {
            WatchForLivelock();
        }
    }

    /// <summary>Runs the cluster until a condition holds.</summary>
    /// <returns>False if it does not hold within <paramref name="limit"/>.</returns>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(condition);
        var until = Now + limit;
        while (!condition())
        {
            if (Failed || !Time.Step(until))
            {
                return condition();
            }

            WatchForLivelock();
        }

        return true;
    }

    /// <summary>
    /// Ends all faults, runs until the cluster is at rest, and checks that all nodes list the presences of all open
    /// sessions.
    /// </summary>
    /// <exception cref="SimulationViolatedException">They do not, or a rule was violated before.</exception>
    public void Settle()
    {
        EndFaults();
        ThrowIfViolated();
    }

    /// <summary>Throws if a rule was violated.</summary>
    /// <exception cref="SimulationViolatedException">A rule was violated.</exception>
    public void ThrowIfViolated()
    {
        if (Failed)
        {
            throw new SimulationViolatedException(Seed, _violations);
        }
    }

    /// <summary>Detects nodes that answer each other endlessly, so that virtual time stops.</summary>
    private void WatchForLivelock()
    {
        if (Time.Events > MaxEventsPerSecond * (Now.TotalSeconds + 10) && _living.Count > 0)
        {
            Violate("ClusterComesToRest", _living[0], $"{Time.Events} events in {Now}");
        }
    }

    internal void EndFaults()
    {
        Network.Heal();
        foreach (var node in _living.Where(node => node.State == SimulatedNodeState.Paused).ToList())
        {
            node.Resume();
        }

        Trace?.Invoke("-- faults end --");
        Run(Bounds.Settling);
        if (Failed)
        {
            return;
        }

        foreach (var invariant in _invariants)
        {
            invariant.Settled();
        }
    }
}
