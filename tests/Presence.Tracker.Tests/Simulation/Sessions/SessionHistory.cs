using Presence.Node.Sessions;
using Presence.TestKit.Time;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Simulation.Sessions;

/// <summary>What a <see cref="SessionHistory"/> contains besides its seed.</summary>
internal sealed record SessionHistoryOptions
{
    public bool HasPartitions { get; init; }

    public SessionDefect SessionDefect { get; init; }

    public ShardDefect ShardDefect { get; init; }

    public double HandOverLoss { get; init; } = 0.15;

    public Action<string>? Trace { get; init; }
}

/// <summary>
/// A cluster of nodes with resumable sessions in virtual time, its network and its observers. The first node is never
/// stopped, crashed or suspended: what is told there must not flap.
/// </summary>
internal sealed class SessionHistory
{
    public const int Topics = 2;

    /// <summary>How long sessions may be detached. Clients return earlier than that.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(4);

    private readonly List<SessionNode> _nodes = [];
    private readonly SimulationRandom _random;
    private readonly HashSet<(string Topic, string Key)> _joined = [];
    private ulong _incarnation;

    public SessionHistory(ulong seed, SessionHistoryOptions options)
    {
        Seed = seed;
        Options = options;
        _random = new SimulationRandom(seed);
        Time = new VirtualTime();
        var loss = new LinkConditions
        {
            // Every fifth history on a bad network: what others have not heard of matters.
            Loss = seed % 5 == 0 ? 0.3 : 0.08,
            Duplication = 0.05,
            Reordering = 0.1,
            QueueDelay = TimeSpan.FromMilliseconds(300),
        };
        Network = new SimulatedNetwork(Time, _random.Fork(), loss);
    }

    public ulong Seed { get; }

    public SessionHistoryOptions Options { get; }

    public VirtualTime Time { get; }

    public SimulatedNetwork Network { get; }

    public TrackerOptions Tracker { get; } = SimulatedClusterOptions.ScaledTracker();

    public ulong LastProcess { get; set; }

    public IReadOnlyList<SessionNode> Nodes => _nodes;

    public Dictionary<string, SimulatedClient> Clients { get; } = [];

    public SessionRules Rules => field ??= new SessionRules(this);

    public List<string> Violations { get; } = [];

    public int Joins { get; private set; }

    public IEnumerable<SessionNode> Others(SessionNode node) => _nodes.Where(n => n != node && n.IsAlive);

    public SessionNode? Find(string name) => _nodes.Find(n => n.Name == name && n.IsAlive);

    public bool CanReach(string from, string to) => Network.IsOpen(from, to) && Find(to) is { IsPaused: false };

    /// <summary>Starts a node, or starts one again that has ended.</summary>
    public void Start(string name)
    {
        _nodes.RemoveAll(n => n.Name == name);
        var node = new SessionNode(this, name, ++_incarnation, _random.Fork());
        _nodes.Add(node);
        _nodes.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        Trace($"{node.Self} starts");
        node.Start();
        foreach (var other in Others(node))
        {
            other.Accept(() => other.Joined(name));
            node.Joined(other.Name);
        }
    }

    public void Send(SessionNode from, string? to, int shard, ShardFrame frame)
    {
        var bytes = ShardFrameCodec.Encode(frame);
        foreach (var other in Others(from).Where(n => to is null || n.Name == to).ToArray())
        {
            Network.Send(from.Name, other.Name, () => Find(other.Name)?.Accept(() =>
                ((SimulatedShard)Find(other.Name)!.Shards[shard]).Receive(bytes)));
        }
    }

    public void OnChange(SessionNode node, PresenceChange change)
    {
        var name = (change.Entry.Topic, change.Entry.Key);
        Trace($"{node.Name} tells {change} {change.Entry.Stamp?.Generation} {change.Entry.Ref}");
        var told = node.Told.GetValueOrDefault(name);
        if (told != change.LastShown?.Ref)
        {
            Violate($"{node.Name} told {change} with LastShown {change.LastShown?.Ref}; told before was {told}");
        }

        if (change.Kind == PresenceChangeKind.Updated && change.Entry.Ref == told)
        {
            Violate($"{node.Name} told an update with one ref in both halves: {change}");
        }

        node.Told[name] = change.Kind == PresenceChangeKind.Left ? null : change.Entry.Ref;
        if (node == _nodes[0])
        {
            Observe(change, name);
        }
    }

    public void Violate(string what)
    {
        Trace("VIOLATION " + what);
        Violations.Add($"{Time.Now.TotalMilliseconds:F0} ms: {what}");
    }

    public void Trace(string what) => Options.Trace?.Invoke($"{Time.Now.TotalMilliseconds,8:F0} {what}");

    public void Run(TimeSpan duration)
    {
        var until = Time.Now + duration;
        while (Time.Step(until))
        {
        }
    }

    /// <summary>Checks the rules after all faults have ended.</summary>
    public void CheckAtRest()
    {
        var wanted = Clients.Values
            .Where(c => c.At is not null)
            .SelectMany(c => c.Wanted.Keys.Select(topic => (topic, c.Key)))
            .ToHashSet();
        Dictionary<(string, string), string>? first = null;
        foreach (var node in _nodes)
        {
            var listed = new Dictionary<(string, string), string>();
            foreach (var entry in node.Entries(Topics))
            {
                if (!listed.TryAdd((entry.Topic, entry.Key), entry.Ref))
                {
                    Violate($"{node.Name} shows {entry} twice");
                }
            }

            var ghosts = listed.Keys.Except(wanted).Take(2).ToArray();
            var missing = wanted.Except(listed.Keys).Take(2).ToArray();
            if (ghosts.Length + missing.Length > 0)
            {
                Violate(
                    $"{node.Name} lists wrongly: ghosts {string.Join(",", ghosts)}; "
                    + $"missing {string.Join(",", missing)}");
            }

            foreach (var (name, at) in listed)
            {
                if (node.Told.GetValueOrDefault(name) != at)
                {
                    Violate($"{node.Name} lists {name} as {at} and told {node.Told.GetValueOrDefault(name)}");
                }
            }

            first ??= listed;
            var other = listed.FirstOrDefault(l => first.GetValueOrDefault(l.Key) != l.Value);
            if (other.Value is not null)
            {
                Violate($"{node.Name} lists {other}, {_nodes[0].Name} as {first.GetValueOrDefault(other.Key)}");
            }
        }
    }

    private void Observe(PresenceChange change, (string Topic, string Key) name)
    {
        if (change.Kind == PresenceChangeKind.Joined)
        {
            Joins++;
            if (!_joined.Add(name) && IsChecked(name))
            {
                Violate($"flap: second join of {name}");
            }
        }
        else if (change.Kind == PresenceChangeKind.Left && IsChecked(name))
        {
            Violate($"flap: leave of {name}, {change.Reason}");
        }
    }

    private bool IsChecked((string Topic, string Key) name) => !Options.HasPartitions
        && Clients.TryGetValue(name.Key, out var client)
        && !client.IsExcused && !client.Untracked.Contains(name.Topic);
}
