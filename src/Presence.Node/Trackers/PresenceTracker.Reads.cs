using Presence.Node.Handlers;
using Presence.Node.Shards;
using Presence.Node.Views;
using Presence.Tracker;
using Presence.Tracker.Counts;
using Presence.Tracker.Index;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Node.Trackers;

/// <content>Reads, and the notification of handlers and subscribers.</content>
internal sealed partial class PresenceTracker
{
    private TrackerViews? _views;

    public TopicSnapshot List(string topic) => ListedOn(topic).Shard.Index.List(topic);

    public IReadOnlyList<PresenceEntry> GetByKey(string topic, string key)
    {
        StrictUtf8.Check(key, nameof(key));
        return List(topic).GetByKey(key);
    }

    public Task<PresencePage> PageAsync(
        string topic, string? after, int limit, CancellationToken cancellation = default) =>
        CountsOnlyOf(topic) is { } counts
            ? pages.PageAsync(name, counts, topic, after, limit, cancellation)
            : Task.FromResult(List(topic).Page(after, limit));

    public int Count(string topic) => CountOf(topic).Count;

    public int KeyCount(string topic) => CountOf(topic).KeyCount;

    public TopicCount CountOf(string topic) =>
        CountsOnlyOf(topic)?.CountOf(topic) ?? HostOf(hosts, topic).Shard.Index.CountsOf(topic);

    public IReadOnlyList<TopicCount> Topics(string? after, int limit) => hosts.Length == 1 && countsOnly is null
        ? hosts[0].Shard.Index.Topics(after, limit)
        : [.. hosts.SelectMany(h => h.Shard.Index.Topics(after, limit)).Where(t => CountsOnlyOf(t.Topic) is null)
            .Concat(countsOnly?.Topics(after, limit) ?? [])
            .OrderBy(t => t.Topic, StringComparer.Ordinal).Take(limit)];

    public IReadOnlyList<string> TopicsOf(string key)
    {
        StrictUtf8.Check(key, nameof(key));
        return hosts.Length == 1
            ? hosts[0].Shard.Index.TopicsOf(key)
            : [.. hosts.SelectMany(h => h.Shard.Index.TopicsOf(key)).Order(StringComparer.Ordinal)];
    }

    public async ValueTask<IAsyncDisposable> AddHandlerAsync(
        IPresenceHandler handler, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        var dispatcher = new HandlerDispatcher(handler, name, options.HandlerQueueCapacity, instruments, log);
        var context = new PresenceHandlerContext(this, nodeName, dispatcher.Send);
        await handler.InitAsync(context, cancellation).ConfigureAwait(false);
        foreach (var host in hosts)
        {
            host.WithLock(() =>
            {
                PostCurrentPresences(host.Shard.Index, dispatcher);
                host.Output.Add(dispatcher);
                return dispatcher;
            });
        }

        dispatcher.OnDispose = () =>
        {
            foreach (var host in hosts)
            {
                host.Post(new ActionCommand((h, _, _) => h.Output.Remove(dispatcher)), always: true);
            }
        };
        dispatcher.Start();
        return dispatcher;
    }

    public TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(onDiff);
        return Subscribe(topic, new DiffSubscriber(onDiff));
    }

    TopicSubscription IPresenceTracker.Follow(string topic, Action<TopicDiff> enqueue) =>
        Subscribe(topic, new DiffSubscriber(enqueue, isQueue: true));

    private TopicSubscription Subscribe(string topic, DiffSubscriber subscriber)
    {
        var host = ListedOn(topic);
        return host.WithLock(() =>
        {
            host.Output.Add(topic, subscriber);
            return new TopicSubscription(host.Shard.ViewOf(topic), host.Output.Version, () =>
            {
                host.Output.Dispatcher.Remove(subscriber);
                host.Post(new ActionCommand((h, _, _) => h.Output.Remove(topic, subscriber)), always: true);
            })
            {
                History = host.Output.History,
            };
        });
    }

    public TopicSubscription Subscribe(string topic, PresenceView view, Action<TopicDiff> onDiff)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(view);
        ArgumentNullException.ThrowIfNull(onDiff);
        _ = ListedOn(topic);
        return view.IsWhole
            ? Subscribe(topic, onDiff)
            : LazyInitializer.EnsureInitialized(
                ref _views, () => new TrackerViews(this, options.Trackers[name], time, instruments, log))
                .Subscribe(topic, view, onDiff);
    }

    public void Check(PresenceView view, string topic) => options.Trackers[name].Check(view, topic);

    public AdaptiveMode? AdaptiveOf(string topic) => options.Trackers[name].AdaptiveOf(topic);

    public void KeepHistory()
    {
        foreach (var host in hosts)
        {
            host.WithLock(() =>
            {
                host.Output.KeepHistory();
                return true;
            });
        }
    }

    public TopicSnapshotView ViewOf(string topic) => ListedOn(topic).Shard.ViewOf(topic);

    public Task DeliveredAsync() => Task.WhenAll(
        _all.Select(host => host.Output.Dispatcher.DeliveredAsync()).Append(watches.DeliveredAsync()));

    public int LocalEntries() => replicated.All.Sum(host => host.WithLock(
        () => host.Shard.Index.Count - host.Shard.Peers().Where(p => p.IsShown).Sum(p => p.Entries)));

    public IReadOnlyList<ReplicaStatus> Replicas() => [.. replicated.All.SelectMany(host =>
    {
        var now = host.Now;
        return host.WithLock(host.Shard.Peers).Where(peer => !peer.IsReader).Select(peer => new ReplicaStatus(
            peer.Replica.Node,
            peer.Replica.Incarnation,
            host.Shard.Shard,
            peer.IsUp ? "up" : "down",
            peer.Clock,
            peer.MaxKnownSequence,
            peer.Entries,
            Since(peer.BehindSince ?? now),
            Since(peer.LastHeard)));
        TimeSpan Since(TimeSpan then) => now > then ? now - then : TimeSpan.Zero;
    })];

    private static void PostCurrentPresences(PresenceIndex index, HandlerDispatcher dispatcher)
    {
        var joins = new List<PresenceChange>(index.Count);
        foreach (var topic in index.Topics(null, int.MaxValue))
        {
            joins.AddRange(PresenceChange.JoinedAll(index.List(topic.Topic)));
        }

        if (joins.Count > 0)
        {
            dispatcher.Post([.. joins]);
        }
    }

    /// <exception cref="CountsOnlyTopicException">No shard has a list of the topic.</exception>
    private ShardHost ListedOn(string topic) =>
        CountsOnlyOf(topic) is null ? HostOf(hosts, topic) : throw new CountsOnlyTopicException(topic);
}
