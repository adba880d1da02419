using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Support;

/// <summary>Shards in virtual time; every frame goes through the codec and waits until the test delivers it.</summary>
internal sealed class Nodes
{
    private readonly Dictionary<string, NodeHost> _nodes = [];
    private readonly HashSet<string> _paused = [];
    private readonly List<(string From, string To, ShardFrame Frame)> _waiting = [];

    public TimeSpan Now { get; private set; } = TimeSpan.FromHours(1);

    public NodeHost this[string name] => _nodes[name];

    /// <summary>Gets the frames in flight: sender, receiver, frame.</summary>
    public List<(string From, string To, ShardFrame Frame)> InFlight { get; } = [];

    public static Nodes Named(params string[] names)
    {
        var nodes = new Nodes();
        foreach (var name in names)
        {
            nodes.Add(name);
        }

        nodes.Settle();
        return nodes;
    }

    /// <summary>Returns settled nodes a and b with a presence of a.</summary>
    public static Nodes WithPresence(string key = "k", string meta = "{}")
    {
        var nodes = Named("a", "b");
        nodes["a"].Track(key, meta);
        nodes.Settle();
        return nodes;
    }

    public NodeHost Add(
        string name, ulong incarnation = 1, TrackerOptions? options = null, ulong? seed = null, bool introduce = true)
    {
        var id = new ReplicaId(name, incarnation);
        seed ??= (incarnation * 1000) + name[0];
        var node = new NodeHost(this, new TrackerShard(id, 0, options ?? new(), new PresenceLimits(), seed.Value));
        _nodes[name] = node;
        node.Do((shard, now, fx) => shard.Start(now, fx));
        foreach (var other in introduce ? _nodes.Keys.Where(n => n != name).ToArray() : [])
        {
            node.Do((shard, now, fx) => shard.NodeJoined(now, other, fx));
            _nodes[other].Do((shard, now, fx) => shard.NodeJoined(now, name, fx));
        }

        return node;
    }

    /// <summary>Removes a node; its frames stay in flight.</summary>
    public NodeHost Crash(string name)
    {
        _nodes.Remove(name, out var node);
        return node!;
    }

    /// <summary>Suspends a node; frames to it wait.</summary>
    public void Pause(string name) => _paused.Add(name);

    public void Continue(string name)
    {
        _paused.Remove(name);
        InFlight.AddRange(_waiting.Where(f => f.To == name));
        _waiting.RemoveAll(f => f.To == name);
    }

    public void Sent(NodeHost from, OutgoingFrame outgoing)
    {
        var bytes = ShardFrameCodec.Encode(outgoing.Frame);
        foreach (var to in outgoing.To is { } one ? [one] : _nodes.Keys.Where(n => n != from.Name).ToArray())
        {
            InFlight.Add((from.Name, to, ShardFrameCodec.Decode(bytes)));
        }
    }

    /// <summary>Delivers until no frame is in flight; loses frames for which <paramref name="lost"/> holds.</summary>
    public void Deliver(Func<string, string, ShardFrame, bool>? lost = null)
    {
        for (var rounds = 0; InFlight.Count > 0; rounds++)
        {
            Assert.True(rounds < 1000, "the nodes answer each other endlessly");
            var frames = InFlight.ToArray();
            InFlight.Clear();
            foreach (var (from, to, frame) in frames)
            {
                if (_paused.Contains(to))
                {
                    _waiting.Add((from, to, frame));
                }
                else if (lost?.Invoke(from, to, frame) != true && _nodes.TryGetValue(to, out var node))
                {
                    node.Do((shard, now, fx) => shard.Receive(now, frame, fx));
                }
            }
        }
    }

    /// <summary>Removes and returns frames in flight, for later delivery.</summary>
    public ShardFrame[] Take<TFrame>(string? to = null)
        where TFrame : ShardFrame
    {
        var taken = InFlight.Where(f => f.Frame is TFrame && (to is null || f.To == to)).ToArray();
        InFlight.RemoveAll(f => taken.Contains(f));
        return [.. taken.Select(t => t.Frame)];
    }

    public void DeliverTo(string to, params ShardFrame[] frames)
    {
        foreach (var frame in frames)
        {
            _nodes[to].Do((shard, now, fx) => shard.Receive(now, frame, fx));
        }
    }

    /// <summary>Runs time in steps of 20 ms, with ticks, flushes and deliveries.</summary>
    public void Pass(
        TimeSpan time, Func<string, string, ShardFrame, bool>? lost = null, Func<string, bool>? answers = null)
    {
        for (var end = Now + time; Now < end;)
        {
            Now += TimeSpan.FromMilliseconds(20);
            foreach (var node in _nodes.Values.Where(m => !_paused.Contains(m.Name)).ToArray())
            {
                node.Do((shard, now, fx) =>
                {
                    if (shard.NextTick <= now)
                    {
                        shard.Tick(now, fx);
                    }

                    if (shard.NextFlush <= now)
                    {
                        shard.Flush(now, fx);
                    }
                });
            }

            Deliver(lost);
            foreach (var node in _nodes.Values.ToArray())
            {
                foreach (var probe in node.Probes.ToArray())
                {
                    var answered = answers?.Invoke(probe.Target.Node) == true
                        && _nodes.TryGetValue(probe.Target.Node, out var target) && target.Shard.Self == probe.Target;
                    node.Do((shard, now, fx) => shard.ProbeAnswered(now, probe.Target, answered, fx));
                }

                node.Probes.Clear();
            }
        }
    }

    public void Settle() => Pass(TimeSpan.FromSeconds(7), answers: _ => true);
}

internal sealed class NodeHost(Nodes nodes, TrackerShard shard)
{
    private readonly ShardEffects _effects = new();

    public string Name => shard.Self.Node;

    public TrackerShard Shard => shard;

    public List<PresenceChange> Changes { get; } = [];

    public List<ReplicaEvent> Events { get; } = [];

    public List<ProbeFrame> Probes { get; } = [];

    public string[] Keys(string topic = "t") => [.. shard.Index.List(topic).Select(e => e.Key)];

    public void Do(Action<TrackerShard, TimeSpan, ShardEffects> input)
    {
        try
        {
            input(shard, nodes.Now, _effects);
        }
        finally
        {
            Changes.AddRange(_effects.Changes);
            Events.AddRange(_effects.Events);
            Probes.AddRange(_effects.Probes);
            foreach (var frame in _effects.Frames)
            {
                nodes.Sent(this, frame);
            }

            _effects.Clear();
        }
    }

    public PresenceEntry Track(string key, string meta = "{}", ulong process = 1, string topic = "t")
    {
        PresenceEntry? entry = null;
        Do((s, now, fx) => entry = s.Track(now, process, topic, key, PresenceMeta.Parse(meta), fx));
        return entry!;
    }

    public PresenceEntry Update(string key, string meta, ulong process = 1, string topic = "t")
    {
        PresenceEntry? entry = null;
        Do((s, now, fx) => entry = s.Update(now, process, topic, key, _ => PresenceMeta.Parse(meta), fx));
        return entry!;
    }

    public bool Untrack(string key, ulong process = 1, string topic = "t")
    {
        var was = false;
        Do((s, now, fx) => was = s.Untrack(now, process, topic, key, fx));
        return was;
    }

    public int End(ulong process = 1)
    {
        var count = 0;
        Do((s, now, fx) => count = s.UntrackAll(now, process, LeaveReason.SessionEnded, fx));
        return count;
    }

    /// <summary>Returns and clears the changes, as text: <c>+k</c>, <c>~k</c>, <c>-k</c>.</summary>
    public string DrainChanges()
    {
        var text = string.Join(" ", Changes.Select(c => c.Kind switch
        {
            PresenceChangeKind.Joined => $"+{c.Entry.Key}{c.Entry.Meta}",
            PresenceChangeKind.Updated => $"~{c.Entry.Key}{c.LastShown!.Meta}>{c.Entry.Meta}",
            _ => $"-{c.Entry.Key}{c.LastShown!.Meta}",
        }));
        Changes.Clear();
        return text.Replace("{}", "", StringComparison.Ordinal);
    }

    public bool Saw(ReplicaEventKind kind) => Events.Any(e => e.Kind == kind);
}
