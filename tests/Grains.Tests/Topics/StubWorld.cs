namespace Presence.Grains.Tests.Topics;

/// <summary>
/// A cluster whose members agree at once: what one node's tracker writes, all show in the same moment. Lets the grains be
/// tested on their own; how changes travel is tested with the link and the tracker.
/// </summary>
internal sealed class StubWorld
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, EntryTree> _topics = new(StringComparer.Ordinal);
    private readonly List<(string Topic, string Node, Action<TopicDiff> Heard)> _subscribers = [];
    private readonly List<IPresenceHandler> _handlers = [];
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, bool> _nodes = new();
    private ulong _sequence;
    private ulong _processes;
    private ulong _knownUpTo = ulong.MaxValue;

    /// <summary>Up to which event the members know each other without a gap; what lies behind it they show all the same.</summary>
    public ulong KnownUpTo
    {
        get => Volatile.Read(ref _knownUpTo);
        set => Volatile.Write(ref _knownUpTo, value);
    }

    public TopicSnapshot List(string topic)
    {
        lock (_gate)
        {
            return new(topic, _topics.GetValueOrDefault(topic, EntryTree.Empty));
        }
    }

    public TopicView ViewOf(string topic, string node)
    {
        lock (_gate)
        {
            var others = Nodes.Where(n => n != node).Select(n => new ReplicaClock(new ReplicaId(n, 1), KnownUpTo, IsUp: true));
            return new(new VersionVector(new ReplicaId(node, 1), [.. others]), List(topic));
        }
    }

    public IReadOnlyList<TopicCount> Topics(string? after, int limit)
    {
        lock (_gate)
        {
            return [.. _topics
                .Where(t => t.Value.Count > 0 && string.CompareOrdinal(t.Key, after) > 0)
                .OrderBy(t => t.Key, StringComparer.Ordinal)
                .Take(limit)
                .Select(t => new TopicCount(t.Key, t.Value.Count, t.Value.CountKeys()))];
        }
    }

    /// <summary>Nodes that ever tracked somebody.</summary>
    public IReadOnlyCollection<string> Nodes => _nodes.Keys.ToList();

    public PresenceProcess NewProcess(string? label) => new(Interlocked.Increment(ref _processes), label);

    public PresenceEntry Track(string node, PresenceProcess process, string topic, string key, PresenceMeta meta)
    {
        lock (_gate)
        {
            if (key.Length == 0)
            {
                throw new PresenceLimitException("key", 0, 255);
            }

            var owner = new ReplicaId(node, 1);
            _nodes[node] = true;
            if (Tree(topic).Find(key, owner, process.Id) is not null)
            {
                throw new AlreadyTrackedException(topic, key);
            }

            var sequence = ++_sequence;
            var entry = new PresenceEntry(owner, sequence, sequence, 0, process.Id, topic, key, meta);
            _topics[topic] = Tree(topic).Set(entry, new EditToken());
            Tell(PresenceChange.Joined(entry));
            process.Link(new EndsPresences(this, node));
            return entry;
        }
    }

    public PresenceEntry Update(
        string node, PresenceProcess process, string topic, string key, Func<PresenceEntry, PresenceMeta> update)
    {
        lock (_gate)
        {
            var old = Tree(topic).Find(key, new ReplicaId(node, 1), process.Id)
                ?? throw new NotTrackedException(topic, key);
            var entry = new PresenceEntry(
                old.Owner, ++_sequence, old.Born, old.Sequence, process.Id, topic, key, update(old));
            _topics[topic] = Tree(topic).Set(entry, new EditToken());
            Tell(PresenceChange.Updated(old, entry));
            return entry;
        }
    }

    public int Untrack(string node, PresenceProcess process, Func<PresenceEntry, bool> which, LeaveReason reason)
    {
        lock (_gate)
        {
            var ending = _topics.Keys
                .SelectMany(t => List(t))
                .Where(e => e.Owner.Node == node && e.Process == process.Id && which(e))
                .ToList();
            foreach (var entry in ending)
            {
                _topics[entry.Topic] = Tree(entry.Topic).Remove(entry, new EditToken());
                Tell(PresenceChange.Left(entry, entry, reason));
            }

            return ending.Count;
        }
    }

    public TopicSubscription Subscribe(string topic, Action<TopicDiff> heard, string node = "")
    {
        lock (_gate)
        {
            var subscriber = (topic, node, heard);
            _subscribers.Add(subscriber);
            return new TopicSubscription(ViewOf(topic, node), 0, () =>
            {
                lock (_gate)
                {
                    _subscribers.Remove(subscriber);
                }
            });
        }
    }

    public void AddHandler(IPresenceHandler handler)
    {
        lock (_gate)
        {
            _handlers.Add(handler);
        }
    }

    public void RemoveHandler(IPresenceHandler handler)
    {
        lock (_gate)
        {
            _handlers.Remove(handler);
        }
    }

    private EntryTree Tree(string topic) => _topics.GetValueOrDefault(topic, EntryTree.Empty);

    private void Tell(PresenceChange change)
    {
        var diff = new PresenceDiff([change]);
        foreach (var (topic, node, heard) in _subscribers.ToList())
        {
            if (topic == change.Entry.Topic)
            {
                heard(diff.Topics[0] with { View = ViewOf(topic, node) });
            }
        }

        foreach (var handler in _handlers)
        {
            _ = handler.HandleDiffAsync(diff, CancellationToken.None).AsTask();
        }
    }

    private sealed record EndsPresences(StubWorld World, string Node) : IProcessLink
    {
        public void Ended(PresenceProcess process) => World.Untrack(Node, process, _ => true, LeaveReason.ProcessEnded);
    }
}
