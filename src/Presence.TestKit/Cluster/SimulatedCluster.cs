using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>
/// A cluster in one thread and in virtual time: real shards, the real codec, and a network, clocks and crashes that do
/// what the test says and, where it says nothing, what the seed says. The same seed and the same calls give the same run.
/// </summary>
/// <remarks>Not safe for use by several threads at once; several clusters can run side by side.</remarks>
public sealed partial class SimulatedCluster
{
    private const double MostEventsPerSecond = 20_000;

    private readonly List<SimulatedMember> _all = [];
    private readonly List<SimulatedMember> _living = [];
    private readonly Dictionary<string, TimeSpan> _wallClockError = new(StringComparer.Ordinal);
    private readonly Dictionary<ReplicaId, TimeSpan> _endings = [];
    private readonly HashSet<ReplicaId> _shared = [];
    private readonly List<Violation> _violations = [];
    private readonly List<Invariant> _invariants;
    private readonly SimulationRandom _random;
    private readonly long[] _transitions = new long[Enum.GetValues<ReplicaEventKind>().Length];

    /// <summary>A cluster without members.</summary>
    /// <param name="seed">Decides everything that the test leaves to chance.</param>
    /// <param name="options">Null for the defaults.</param>
    public SimulatedCluster(ulong seed, SimulatedClusterOptions? options = null)
    {
        Seed = seed;
        Options = options ?? new SimulatedClusterOptions();
        Options.Tracker.Validate();
        Options.Limits.Validate();
        _random = new SimulationRandom(seed);
        Time = new VirtualTime();
        Network = new SimulatedNetwork(Time, _random.Fork(), Options.Network) { Changed = () => TopologyChanged(null, "") };
        Connectivity = new Connectivity(Network, Time);
        Bounds = new VisibilityBounds(Options);
        Trace = Options.Trace is { } trace ? line => trace($"{Now.TotalMilliseconds,9:F1} {line}") : null;
        _invariants = Invariant.All(this);
        Time.After(Options.Tracker.BroadcastPeriod, Sample);
    }

    /// <summary>The seed.</summary>
    public ulong Seed { get; }

    /// <summary>Virtual time since the cluster was made.</summary>
    public TimeSpan Now => Time.Now;

    /// <summary>The links between the members.</summary>
    public SimulatedNetwork Network { get; }

    /// <summary>Members that run or are paused, in the order of their starts.</summary>
    public IReadOnlyList<SimulatedMember> Members => _living;

    /// <summary>What was violated so far.</summary>
    public IReadOnlyList<Violation> Violations => _violations;

    /// <summary>How often each transition was reported by the members.</summary>
    internal IReadOnlyDictionary<ReplicaEventKind, long> Transitions =>
        Enum.GetValues<ReplicaEventKind>().ToDictionary(kind => kind, kind => _transitions[(int)kind]);

    internal SimulatedClusterOptions Options { get; }

    internal VirtualTime Time { get; }

    internal Connectivity Connectivity { get; }

    internal VisibilityBounds Bounds { get; }

    internal Action<string>? Trace { get; }

    /// <summary>Every start there ever was.</summary>
    internal IReadOnlyList<SimulatedMember> AllStarts => _all;

    internal long InboxDrops { get; private set; }

    internal bool Failed => _violations.Count > 0;

    /// <summary>The living member of a name.</summary>
    /// <exception cref="KeyNotFoundException">None lives.</exception>
    public SimulatedMember this[string name] =>
        _living.FindLast(member => member.Name == name) ?? throw new KeyNotFoundException($"No member '{name}' lives.");

    /// <summary>Starts a member; its incarnation is what the wall clock of its machine shows.</summary>
    /// <exception cref="InvalidOperationException">A member of this name lives.</exception>
    public SimulatedMember Start(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return _living.Exists(member => member.Name == name)
            ? throw new InvalidOperationException($"A member '{name}' lives; let it crash or leave first.")
            : Start(name, WallClock(name), Options.Tracker.PoolSize);
    }

    /// <summary>Starts a member whatever else lives under its name.</summary>
    internal SimulatedMember Start(string name, ulong incarnation, int poolSize)
    {
        var clock = new MemberClock(
            Now, _random.Between(TimeSpan.Zero, TimeSpan.FromDays(1)), _random.Between(-5000, 5000));
        var member = new SimulatedMember(this, _all.Count, name, incarnation, clock, poolSize, _random.Fork());
        if (_endings.ContainsKey(member.Self) || _all.Exists(one => one.Self == member.Self))
        {
            _shared.Add(member.Self);
        }

        _all.Add(member);
        TopologyChanged(member, $"starts as {member.Self}");
        foreach (var invariant in _invariants)
        {
            invariant.Started(member);
        }

        member.Start();
        HintJoined(member);
        return member;
    }

    /// <summary>Steps the wall clock of a machine; the members on it run on a monotonic clock and feel it at their next start.</summary>
    public void StepWallClock(string name, TimeSpan by)
    {
        _wallClockError[name] = _wallClockError.GetValueOrDefault(name) + by;
        Trace?.Invoke($"{name} wall clock steps by {by}");
    }

    /// <summary>What the wall clock of a machine shows, in microseconds.</summary>
    internal ulong WallClock(string name)
    {
        var shown = TimeSpan.FromHours(1) + Now + _wallClockError.GetValueOrDefault(name);
        return (ulong)Math.Max(1, shown.Ticks / TimeSpan.TicksPerMicrosecond);
    }

    /// <summary>Lets time pass.</summary>
    public void Run(TimeSpan duration)
    {
        var until = Now + duration;
        while (!Failed && Time.Step(until))
        {
            WatchForLivelock();
        }
    }

    /// <summary>Lets time pass until something holds.</summary>
    /// <returns>False if it did not within <paramref name="limit"/>.</returns>
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
    /// Ends all faults, lets the cluster come to rest, and checks that all members list the same, and that it is what
    /// their living processes hold.
    /// </summary>
    /// <exception cref="SimulationViolatedException">They do not, or a rule was violated before.</exception>
    public void Settle()
    {
        Calm();
        ThrowIfViolated();
    }

    /// <summary>Throws if a rule was violated.</summary>
    /// <exception cref="SimulationViolatedException">One was.</exception>
    public void ThrowIfViolated()
    {
        if (Failed)
        {
            throw new SimulationViolatedException(Seed, _violations);
        }
    }

    /// <summary>Members that answer each other without end would never let the virtual time pass.</summary>
    private void WatchForLivelock()
    {
        if (Time.Events > MostEventsPerSecond * (Now.TotalSeconds + 10) && _living.Count > 0)
        {
            Violate("ItComesToRest", _living[0], $"{Time.Events} events in {Now}");
        }
    }

    internal void Calm()
    {
        Network.Heal();
        foreach (var member in _living.Where(member => member.State == MemberState.Paused).ToList())
        {
            member.Resume();
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
