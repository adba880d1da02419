using System.Collections.Immutable;
using Presence.Harness.Nodes;

namespace Presence.Channels.Tests;

/// <summary>A member without a cluster: presences and messages in memory, applied at once and in order.</summary>
internal sealed class StubNode : NodeStub, IProcessLink
{
    private readonly Lock _gate = new();
    private readonly ReplicaId _self = new("stub", 1);
    private readonly Dictionary<(ulong Process, string Topic, string Key), PresenceEntry> _entries = [];
    private ImmutableList<(string Topic, Action<TopicDiff> OnDiff)> _watchers = [];
    private ImmutableList<(string Topic, Action<PubSubMessage> Subscriber)> _subscribers = [];
    private ulong _sequence;
    private ulong _processes;

    public int Watchers => _watchers.Count;

    public int Subscribers => _subscribers.Count;

    public override PresenceProcess StartProcess(string? label = null) =>
        new(Interlocked.Increment(ref _processes), label);

    public override ValueTask<PresenceEntry> TrackAsync(
        PresenceProcess process, string topic, string key, PresenceMeta meta = default)
    {
        lock (_gate)
        {
            if (_entries.ContainsKey((process.Id, topic, key)))
            {
                throw new AlreadyTrackedException(topic, key);
            }

            var entry = new PresenceEntry(_self, ++_sequence, _sequence, 0, process.Id, topic, key, meta);
            _entries.Add((process.Id, topic, key), entry);
            Tell(PresenceChange.Joined(entry));
            if (!process.Link(this))
            {
                ((IProcessLink)this).Ended(process);
            }

            return new(entry);
        }
    }

    public override ValueTask<PresenceEntry> UpdateAsync(
        PresenceProcess process, string topic, string key, Func<PresenceEntry, PresenceMeta> update)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue((process.Id, topic, key), out var old))
            {
                throw new NotTrackedException(topic, key);
            }

            _sequence += 2;
            PresenceEntry entry = new(_self, _sequence, old.Born, old.Sequence, process.Id, topic, key, update(old));
            _entries[(process.Id, topic, key)] = entry;
            Tell(PresenceChange.Updated(old, entry));
            return new(entry);
        }
    }

    public override ValueTask<bool> UntrackAsync(PresenceProcess process, string topic, string key)
    {
        lock (_gate)
        {
            if (!_entries.Remove((process.Id, topic, key), out var entry))
            {
                return new(false);
            }

            Tell(PresenceChange.Left(entry, entry, LeaveReason.Untracked));
            return new(true);
        }
    }

    public override TopicSnapshot List(string topic)
    {
        lock (_gate)
        {
            var tree = EntryTree.Empty;
            foreach (var entry in _entries.Values.Where(e => e.Topic == topic))
            {
                tree = tree.Set(entry, new EditToken());
            }

            return new TopicSnapshot(topic, tree);
        }
    }

    public override TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff)
    {
        lock (_gate)
        {
            var watcher = (topic, onDiff);
            _watchers = _watchers.Add(watcher);
            return new TopicSubscription(List(topic), () =>
            {
                lock (_gate)
                {
                    _watchers = _watchers.Remove(watcher);
                }
            });
        }
    }

    public override IDisposable Subscribe(string topic, Action<PubSubMessage> subscriber)
    {
        lock (_gate)
        {
            _subscribers = _subscribers.Add((topic, subscriber));
        }

        return new Subscription(() =>
        {
            lock (_gate)
            {
                _subscribers = _subscribers.Remove((topic, subscriber));
            }
        });
    }

    public override void BroadcastLocal(PubSubMessage message)
    {
        foreach (var (topic, subscriber) in _subscribers)
        {
            if (topic == message.Topic)
            {
                subscriber(message with { FromNode = "stub" });
            }
        }
    }

    void IProcessLink.Ended(PresenceProcess process)
    {
        lock (_gate)
        {
            foreach (var entry in _entries.Values.Where(e => e.Process == process.Id).ToList())
            {
                _entries.Remove((process.Id, entry.Topic, entry.Key));
                Tell(PresenceChange.Left(entry, entry, LeaveReason.ProcessEnded));
            }
        }
    }

    private void Tell(PresenceChange change)
    {
        foreach (var (topic, onDiff) in _watchers)
        {
            if (topic == change.Entry.Topic)
            {
                onDiff(new TopicDiff(topic, [change]));
            }
        }
    }

    private sealed class Subscription(Action stop) : IDisposable
    {
        public void Dispose() => stop();
    }
}
