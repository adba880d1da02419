using Presence.Tracker.Index;
using Presence.Tracker.Shard;

namespace Presence.Grains.Tests.Topics;

/// <summary>
/// A cluster whose nodes agree at once: a change on one node is visible on all in the same moment. Tests the grains
/// alone; replication is tested with the cluster transport and the tracker.
/// </summary>
internal sealed class StubWorld
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, EntryTree> _topics = new(StringComparer.Ordinal);
    private readonly List<(string Topic, string Node, Action<TopicDiff> Received)> _subscribers = [];
    private readonly List<IPresenceHandler> _handlers = [];
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, bool> _nodes = new();
    private ulong _sequence;
    private ulong _sessions;
    private ulong _knownUpTo = ulong.MaxValue;

    /// <summary>The last event up to which the nodes know each other without a gap. Later ones are visible.</summary>
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

    public TopicSnapshotView ViewOf(string topic, string node)
    {
        lock (_gate)
        {
            var others = Nodes.Where(n => n != node)
                .Select(n => new ReplicaClock(new ReplicaId(n, 1), KnownUpTo, IsShown: true));
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

    /// <summary>The nodes that ever tracked a presence.</summary>
    public IReadOnlyCollection<string> Nodes => _nodes.Keys.ToList();

    public PresenceSession NewSession(string? label) => new(Interlocked.Increment(ref _sessions), label);

    public PresenceEntry Track(string node, PresenceSession session, string topic, string key, PresenceMeta meta)
    {
        lock (_gate)
        {
            if (key.Length == 0)
            {
                throw new PresenceLimitException("key", 0, 255);
            }

            var owner = new ReplicaId(node, 1);
            _nodes[node] = true;
            if (Find(owner, session, topic, key) is not null)
            {
                throw new AlreadyTrackedException(topic, key);
            }

            var sequence = ++_sequence;
            var entry = new PresenceEntry(owner, sequence, sequence, 0, session.Id, topic, key, meta);
            var isFirst = !Tree(topic).HasKey(key);
            _topics[topic] = Tree(topic).Set(entry, new EditToken());
            Publish(PresenceChange.Joined(entry, isFirst));
            session.Link(new EndsPresences(this, node));
            return entry;
        }
    }

    public PresenceEntry Update(
        string node, PresenceSession session, string topic, string key, Func<PresenceEntry, PresenceMeta> update)
    {
        lock (_gate)
        {
            var old = Find(new ReplicaId(node, 1), session, topic, key)
                ?? throw new NotTrackedException(topic, key);
            var entry = new PresenceEntry(
                old.Owner, ++_sequence, old.CreatedSequence, old.Sequence, session.Id, topic, key, update(old));
            _topics[topic] = Tree(topic).Set(entry, new EditToken());
            Publish(PresenceChange.Updated(old, entry));
            return entry;
        }
    }

    public int Untrack(string node, PresenceSession session, Func<PresenceEntry, bool> which, LeaveReason reason)
    {
        lock (_gate)
        {
            var ending = _topics.Keys
                .SelectMany(t => List(t))
                .Where(e => e.Owner.Node == node && e.Process == session.Id && which(e))
                .ToList();
            foreach (var entry in ending)
            {
                _topics[entry.Topic] = Tree(entry.Topic).Remove(entry, new EditToken());
                Publish(PresenceChange.Left(entry, entry, reason, !Tree(entry.Topic).HasKey(entry.Key)));
            }

            return ending.Count;
        }
    }

    public TopicSubscription Subscribe(string topic, Action<TopicDiff> received, string node = "")
    {
        lock (_gate)
        {
            var subscriber = (topic, node, received);
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

    private PresenceEntry? Find(ReplicaId owner, PresenceSession session, string topic, string key) =>
        Tree(topic).Find(new PresenceEntry(owner, 1, 1, 0, session.Id, topic, key, default));

    private EntryTree Tree(string topic) => _topics.GetValueOrDefault(topic, EntryTree.Empty);

    private void Publish(PresenceChange change)
    {
        var diff = new PresenceDiff([change]);
        foreach (var (topic, node, received) in _subscribers.ToList())
        {
            if (topic == change.Entry.Topic)
            {
                received(diff.Topics[0] with { View = ViewOf(topic, node) });
            }
        }

        foreach (var handler in _handlers)
        {
            _ = handler.HandleDiffAsync(diff, CancellationToken.None).AsTask();
        }
    }

    private sealed record EndsPresences(StubWorld World, string Node) : ISessionLink
    {
        public void Ended(PresenceSession session) => World.Untrack(Node, session, _ => true, session.EndReason);
    }
}
