namespace Presence.Tracker.Tests.Support;

/// <summary>Shards in virtual time; every frame goes through the codec and waits until the test lets it go.</summary>
internal sealed class Members
{
    private readonly Dictionary<string, Member> _members = [];
    private readonly HashSet<string> _paused = [];
    private readonly List<(string From, string To, ShardFrame Frame)> _unread = [];

    public TimeSpan Now { get; private set; } = TimeSpan.FromHours(1);

    public Member this[string name] => _members[name];

    /// <summary>Frames on their way: sender, addressee, bytes.</summary>
    public List<(string From, string To, ShardFrame Frame)> OnTheWay { get; } = [];

    public static Members Named(params string[] names)
    {
        var members = new Members();
        foreach (var name in names)
        {
            members.Add(name);
        }

        members.Settle();
        return members;
    }

    /// <summary>Members a and b that have settled with a presence of a.</summary>
    public static Members WithPresence(string key = "k", string meta = "{}")
    {
        var members = Named("a", "b");
        members["a"].Track(key, meta);
        members.Settle();
        return members;
    }

    public Member Add(string name, ulong incarnation = 1, TrackerOptions? options = null, ulong? seed = null, bool introduce = true)
    {
        var member = new Member(this, new TrackerShard(
            new ReplicaId(name, incarnation), 0, options ?? new TrackerOptions(), new PresenceLimits(), seed ?? (incarnation * 1000) + name[0]));
        _members[name] = member;
        member.Do((shard, now, fx) => shard.Start(now, fx));
        foreach (var other in introduce ? _members.Keys.Where(n => n != name).ToArray() : [])
        {
            member.Do((shard, now, fx) => shard.MemberJoined(now, other, fx));
            _members[other].Do((shard, now, fx) => shard.MemberJoined(now, name, fx));
        }

        return member;
    }

    /// <summary>The member is no more; what it sent is still on its way.</summary>
    public Member Crash(string name)
    {
        _members.Remove(name, out var member);
        return member!;
    }

    /// <summary>The member is not run; what comes for it waits.</summary>
    public void Pause(string name) => _paused.Add(name);

    public void Continue(string name)
    {
        _paused.Remove(name);
        OnTheWay.AddRange(_unread.Where(f => f.To == name));
        _unread.RemoveAll(f => f.To == name);
    }

    public void Sent(Member from, OutgoingFrame outgoing)
    {
        var bytes = ShardFrameCodec.Encode(outgoing.Frame);
        foreach (var to in outgoing.To is { } one ? [one] : _members.Keys.Where(n => n != from.Name).ToArray())
        {
            OnTheWay.Add((from.Name, to, ShardFrameCodec.Decode(bytes)));
        }
    }

    /// <summary>Delivers until nothing is on its way; frames for which <paramref name="lost"/> holds are lost.</summary>
    public void Deliver(Func<string, string, ShardFrame, bool>? lost = null)
    {
        for (var rounds = 0; OnTheWay.Count > 0; rounds++)
        {
            Assert.True(rounds < 1000, "the members never stop talking");
            var frames = OnTheWay.ToArray();
            OnTheWay.Clear();
            foreach (var (from, to, frame) in frames)
            {
                if (_paused.Contains(to))
                {
                    _unread.Add((from, to, frame));
                }
                else if (lost?.Invoke(from, to, frame) != true && _members.TryGetValue(to, out var member))
                {
                    member.Do((shard, now, fx) => shard.Receive(now, frame, fx));
                }
            }
        }
    }

    /// <summary>Takes what is on its way out of it, to be given to somebody later.</summary>
    public ShardFrame[] Take<TFrame>(string? to = null)
        where TFrame : ShardFrame
    {
        var taken = OnTheWay.Where(f => f.Frame is TFrame && (to is null || f.To == to)).ToArray();
        OnTheWay.RemoveAll(f => taken.Contains(f));
        return [.. taken.Select(t => t.Frame)];
    }

    public void Give(string to, params ShardFrame[] frames)
    {
        foreach (var frame in frames)
        {
            _members[to].Do((shard, now, fx) => shard.Receive(now, frame, fx));
        }
    }

    /// <summary>Lets time pass in steps of 20 ms, ticking, flushing and delivering.</summary>
    public void Pass(TimeSpan time, Func<string, string, ShardFrame, bool>? lost = null, Func<string, bool>? answers = null)
    {
        for (var end = Now + time; Now < end;)
        {
            Now += TimeSpan.FromMilliseconds(20);
            foreach (var member in _members.Values.Where(m => !_paused.Contains(m.Name)).ToArray())
            {
                member.Do((shard, now, fx) =>
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
            foreach (var member in _members.Values.ToArray())
            {
                foreach (var probe in member.Probes.ToArray())
                {
                    var answered = answers?.Invoke(probe.Target.Node) == true
                        && _members.TryGetValue(probe.Target.Node, out var target) && target.Shard.Self == probe.Target;
                    member.Do((shard, now, fx) => shard.ProbeAnswered(now, probe.Target, answered, fx));
                }

                member.Probes.Clear();
            }
        }
    }

    public void Settle() => Pass(TimeSpan.FromSeconds(7), answers: _ => true);
}

internal sealed class Member(Members members, TrackerShard shard)
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
            input(shard, members.Now, _effects);
        }
        finally
        {
            Changes.AddRange(_effects.Changes);
            Events.AddRange(_effects.Events);
            Probes.AddRange(_effects.Probes);
            foreach (var frame in _effects.Frames)
            {
                members.Sent(this, frame);
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
        Do((s, now, fx) => count = s.UntrackAll(now, process, LeaveReason.ProcessEnded, fx));
        return count;
    }

    /// <summary>What changed since the last call, in words: <c>+k</c>, <c>~k</c>, <c>-k</c>.</summary>
    public string Heard()
    {
        var words = string.Join(" ", Changes.Select(c => c.Kind switch
        {
            PresenceChangeKind.Joined => $"+{c.Entry.Key}{c.Entry.Meta}",
            PresenceChangeKind.Updated => $"~{c.Entry.Key}{c.LastShown!.Meta}>{c.Entry.Meta}",
            _ => $"-{c.Entry.Key}{c.LastShown!.Meta}",
        }));
        Changes.Clear();
        return words.Replace("{}", "", StringComparison.Ordinal);
    }

    public bool Saw(ReplicaEventKind kind) => Events.Any(e => e.Kind == kind);
}
