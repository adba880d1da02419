using System.Collections.Immutable;
using Presence.Harness.Nodes;
using Presence.Node.Shards;
using Presence.Tracker.Index;
using Presence.Tracker.Shard;

namespace Presence.Channels.Tests;

/// <summary>A node without a cluster: presences and messages in memory, applied at once and in order.</summary>
internal sealed class StubNode : NodeStub, IPresenceNode, ISessionLink
{
    private readonly Lock _gate = new();
    private readonly ReplicaId _self = new("stub", 1);
    private readonly Dictionary<(ulong Process, string Topic, string Key), PresenceEntry> _entries = [];
    private ImmutableList<(string Topic, Action<TopicDiff> OnDiff)> _watchers = [];
    private ImmutableList<(string Topic, Action<PubSubMessage> Subscriber)> _subscribers = [];
    private readonly ChangeHistory _history = new();
    private long _version;
    private ulong _sequence;
    private ulong _processes;

    public int Watchers => _watchers.Count;
    public int Subscribers => _subscribers.Count;

    /// <summary>Gets what completes when a resume begins, which then waits until it is cancelled.</summary>
    public TaskCompletionSource Resuming { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    async ValueTask<ResumeResult> IPresenceNode.ResumeAsync(
        ResumeToken token, PresenceSessionOptions options, CancellationToken cancellation)
    {
        Resuming.SetResult();
        await new TaskCompletionSource().Task.WaitAsync(cancellation);
        throw new InvalidOperationException("Only cancelled.");
    }

    public override PresenceSession OpenSession(string? label = null) =>
        new(Interlocked.Increment(ref _processes), label);

    public override ValueTask<PresenceEntry> TrackAsync(
        PresenceSession session,
        string topic,
        string key,
        PresenceMeta meta = default,
        CancellationToken cancellation = default)
    {
        lock (_gate)
        {
            if (_entries.ContainsKey((session.Id, topic, key)))
            {
                throw new AlreadyTrackedException(topic, key);
            }

            var entry = new PresenceEntry(_self, ++_sequence, _sequence, 0, session.Id, topic, key, meta);
            _entries.Add((session.Id, topic, key), entry);
            Tell(PresenceChange.Joined(entry));
            if (!session.Link(this))
            {
                ((ISessionLink)this).Ended(session);
            }

            return new(entry);
        }
    }

    public override ValueTask<PresenceEntry> UpdateAsync(
        PresenceSession session,
        string topic,
        string key,
        Func<PresenceEntry, PresenceMeta> update,
        CancellationToken cancellation = default)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue((session.Id, topic, key), out var old))
            {
                throw new NotTrackedException(topic, key);
            }

            _sequence += 2;
            PresenceEntry entry = new(
                _self, _sequence, old.CreatedSequence, old.Sequence, session.Id, topic, key, update(old));
            _entries[(session.Id, topic, key)] = entry;
            Tell(PresenceChange.Updated(old, entry));
            return new(entry);
        }
    }

    public override ValueTask<bool> UntrackAsync(
        PresenceSession session, string topic, string key, CancellationToken cancellation = default)
    {
        lock (_gate)
        {
            if (!_entries.Remove((session.Id, topic, key), out var entry))
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

    public override ValueTask<IAsyncDisposable> AddHandlerAsync(
        IPresenceHandler handler, CancellationToken cancellation = default) => new(new Subscription(() => { }));

    public override TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff)
    {
        lock (_gate)
        {
            var watcher = (topic, onDiff);
            _watchers = _watchers.Add(watcher);
            return new TopicSubscription(new TopicSnapshotView(VersionVector.Empty, List(topic)), _version, () =>
            {
                lock (_gate)
                {
                    _watchers = _watchers.Remove(watcher);
                }
            })
            {
                History = _history,
            };
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

    void ISessionLink.Ended(PresenceSession session)
    {
        lock (_gate)
        {
            foreach (var entry in _entries.Values.Where(e => e.Process == session.Id).ToList())
            {
                _entries.Remove((session.Id, entry.Topic, entry.Key));
                Tell(PresenceChange.Left(entry, entry, LeaveReason.SessionEnded));
            }
        }
    }

    private void Tell(PresenceChange change)
    {
        _history.Add(++_version, [change]);
        foreach (var (topic, onDiff) in _watchers)
        {
            if (topic == change.Entry.Topic)
            {
                onDiff(new TopicDiff(topic, [change]) { Version = _version });
            }
        }
    }

    private sealed class Subscription(Action stop) : IDisposable, IAsyncDisposable
    {
        public void Dispose() => stop();

        public ValueTask DisposeAsync()
        {
            stop();
            return default;
        }
    }
}
