using Microsoft.Extensions.Logging;
using Presence.Tracker;

namespace Presence.Node;

internal sealed class PresenceTracker(
    string name,
    string nodeName,
    ShardHost[] hosts,
    ReplicatedShards replicated,
    CountsOnlyTopics? countsOnly,
    TopicPages pages,
    PresenceEvictions evictions,
    PresenceMessages messages,
    KeyWatches watches,
    PresenceOptions options,
    TimeProvider time,
    NodeInstruments instruments,
    ILogger log)
    : IPresenceTracker
{
    private readonly ShardHost[] _all = [.. hosts, .. countsOnly?.Hosts ?? []];
    private TrackerViews? _views;

    public string Name => name;

    public ShardHost[] Hosts => hosts;

    public CountsOnlyTopics? CountsOnly => countsOnly;

    public KeyWatches KeyWatches => watches;

    public ShardHost HostOf(string topic) => CountsOnlyOf(topic)?.HostOf(topic) ?? HostOf(hosts, topic);

    public static ShardHost HostOf(ShardHost[] hosts, string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        StrictUtf8.Check(topic, nameof(topic));
        return hosts[PresencesByTopic.ShardOf(topic, hosts.Length)];
    }

    public ValueTask<PresenceEntry> TrackAsync(
        PresenceSession session,
        string topic,
        string key,
        PresenceMeta meta = default,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(topic);
        if (cancellation.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<PresenceEntry>(cancellation);
        }

        var command = new TrackCommand(session, topic, key, meta);
        return NodeActivities.HasListeners
            ? TraceAsync(HostOf(topic), command)
            : HostOf(topic).Execute<TrackCommand, PresenceEntry>(command);
    }

    public ValueTask<IReadOnlyList<PresenceEntry>> TrackManyAsync(
        PresenceSession session, IReadOnlyList<TrackRequest> requests, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(requests);
        if (cancellation.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<IReadOnlyList<PresenceEntry>>(cancellation);
        }

        return OnOneShard(requests) is { } host
            ? host.Execute<TrackManyCommand, IReadOnlyList<PresenceEntry>>(new TrackManyCommand(session, requests))
            : BulkCommand.Execute(
                _all,
                HostOf,
                requests,
                (shard, part) => shard.CheckTrackMany(session.Id, part),
                (shard, part) => shard.ExecuteLocked<TrackManyCommand, IReadOnlyList<PresenceEntry>>(
                    new TrackManyCommand(session, part)));
    }

    public ValueTask<PresenceEntry> UpdateAsync(
        PresenceSession session, string topic, string key, PresenceMeta meta, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(topic);
        return session.State is { IsHandedOver: true } state
            ? ForwardUpdateAsync(state, session, new TrackRequest(topic, key, meta), cancellation)
            : UpdateAsync(HostOf(topic), session, topic, key, meta, cancellation);
    }

    public ValueTask<PresenceEntry> UpdateAsync(
        PresenceSession session,
        string topic,
        string key,
        Func<PresenceEntry, PresenceMeta> update,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(update);
        return UpdateAsync(HostOf(topic), session, topic, key, update, cancellation);
    }

    public ValueTask<IReadOnlyList<PresenceEntry>> UpdateManyAsync(
        PresenceSession session, IReadOnlyList<TrackRequest> requests, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(requests);
        if (cancellation.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<IReadOnlyList<PresenceEntry>>(cancellation);
        }

        return OnOneShard(requests) is { } host
            ? host.Execute<UpdateManyCommand, IReadOnlyList<PresenceEntry>>(new UpdateManyCommand(session, requests))
            : BulkCommand.Execute(
                _all,
                HostOf,
                requests,
                (shard, part) => shard.CheckUpdateMany(session.Id, part),
                (shard, part) => shard.ExecuteLocked<UpdateManyCommand, IReadOnlyList<PresenceEntry>>(
                    new UpdateManyCommand(session, part)));
    }

    public ValueTask<bool> UntrackAsync(
        PresenceSession session, string topic, string key, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(key);
        StrictUtf8.Check(key, nameof(key));
        if (cancellation.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<bool>(cancellation);
        }

        return session.State is { IsHandedOver: true } state
            ? ForwardUntrackAsync(state, session, new TrackRequest(topic, key, default))
            : HostOf(topic).Execute<UntrackCommand, bool>(new UntrackCommand(session, topic, key));
    }

    public async ValueTask<int> UntrackAllAsync(PresenceSession session, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        cancellation.ThrowIfCancellationRequested();
        var ended = 0;
        PresenceOverloadException? rejected = null;
        foreach (var host in _all)
        {
            try
            {
                var command = new UntrackAllCommand(session, LeaveReason.Untracked);
                ended += await host.Execute<UntrackAllCommand, int>(command).ConfigureAwait(false);
            }
            catch (PresenceOverloadException e)
            {
                // The other shards still untrack theirs.
                rejected = e;
            }
        }

        return rejected is null ? ended : throw rejected;
    }

    public Task<int> EvictAsync(string topic, string key, CancellationToken cancellation = default) =>
        evictions.EvictAsync(this, GetByKey(topic, key), cancellation);

    public Task<int> EvictKeyAsync(string key, CancellationToken cancellation = default) =>
        evictions.EvictAsync(this, [.. TopicsOf(key).SelectMany(topic => GetByKey(topic, key))], cancellation);

    public Task<SendToKeyResult> SendAsync(
        string topic, string key, SessionMessage message, CancellationToken cancellation = default) =>
        messages.SendAsync(this, topic, key, message, cancellation);

    public Task<SendToKeyResult> SendToKeyAsync(
        string key, SessionMessage message, CancellationToken cancellation = default) =>
        messages.SendAsync(this, null, key, message, cancellation);

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
        var host = ListedOn(topic);
        var subscriber = new DiffSubscriber(onDiff);
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

    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    public void CheckLimits(TrackRequest request) => HostOf(request.Topic).Shard.CheckLimits(request);

    public int ShardOf(string topic) => HostOf(topic).Shard.Shard;

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

    private static async ValueTask<PresenceEntry> TraceAsync(ShardHost host, TrackCommand command)
    {
        using var span = NodeActivities.Start(NodeActivities.Track);
        span?.SetTag("presence.shard", host.Shard.Shard);
        return await host.Execute<TrackCommand, PresenceEntry>(command).ConfigureAwait(false);
    }

    /// <summary>Changes a presence of a session that this node, which stops, has handed over.</summary>
    private async ValueTask<PresenceEntry> ForwardUpdateAsync(
        SessionState state, PresenceSession session, TrackRequest request, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        CheckLimits(request);
        var shard = ShardOf(request.Topic);
        return (await state.Table.ForwardAsync(state, session, ForwardedKind.Update, NameOf(request), shard, request)
            .ConfigureAwait(false))!;
    }

    private async ValueTask<bool> ForwardUntrackAsync(
        SessionState state, PresenceSession session, TrackRequest request) =>
        await state.Table.ForwardAsync(
            state, session, ForwardedKind.Untrack, NameOf(request), ShardOf(request.Topic), request)
            .ConfigureAwait(false)
        is not null;

    private static async ValueTask<PresenceEntry> UpdateAsync(
        ShardHost host,
        PresenceSession session,
        string topic,
        string key,
        PresenceMeta meta,
        CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        StrictUtf8.Check(key, nameof(key));
        var command = new UpdateCommand(session, topic, key, meta);
        return (await host.Execute<UpdateCommand, (PresenceEntry, bool)>(command).ConfigureAwait(false)).Item1;
    }

    private static async ValueTask<PresenceEntry> UpdateAsync(
        ShardHost host,
        PresenceSession session,
        string topic,
        string key,
        Func<PresenceEntry, PresenceMeta> update,
        CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        StrictUtf8.Check(key, nameof(key));
        var find = new FindCommand(session, topic, key);
        var entry = await host.Execute<FindCommand, PresenceEntry>(find).ConfigureAwait(false);
        for (var isDone = false; !isDone;)
        {
            cancellation.ThrowIfCancellationRequested();
            var command = new UpdateCommand(session, topic, key, update(entry), entry);
            (entry, isDone) = await host.Execute<UpdateCommand, (PresenceEntry, bool)>(command).ConfigureAwait(false);
        }

        return entry;
    }

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

    private CountsOnlyTopics? CountsOnlyOf(string topic) =>
        countsOnly is not null && topic is not null && options.Trackers[name].CountsOnlyOf(topic) is not null
            ? countsOnly : null;

    /// <exception cref="CountsOnlyTopicException">No shard has a list of the topic.</exception>
    private ShardHost ListedOn(string topic) =>
        CountsOnlyOf(topic) is null ? HostOf(hosts, topic) : throw new CountsOnlyTopicException(topic);

    private string NameOf(TrackRequest request) => CountsOnlyOf(request.Topic)?.Name ?? name;

    private ShardHost? OnOneShard(IReadOnlyList<TrackRequest> requests)
    {
        if (_all.Length == 1 || requests.Count == 0)
        {
            return hosts[0];
        }

        var host = HostOf(requests[0].Topic);
        return requests.All(r => HostOf(r.Topic) == host) ? host : null;
    }
}
