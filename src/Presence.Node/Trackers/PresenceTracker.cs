using Microsoft.Extensions.Logging;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>A tracker of this member: its shards as one.</summary>
internal sealed class PresenceTracker(
    string name, string nodeName, ShardHost[] hosts, PresenceOptions options, NodeInstruments instruments, ILogger log)
    : IPresenceTracker
{
    public string Name => name;

    public ShardHost[] Hosts => hosts;

    /// <summary>The shard of a topic.</summary>
    public ShardHost HostOf(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return hosts.Length == 1 ? hosts[0] : hosts[StableHash.Of(topic) % (ulong)hosts.Length];
    }

    public ValueTask<PresenceEntry> TrackAsync(PresenceProcess process, string topic, string key, PresenceMeta meta = default)
    {
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(topic);
        return HostOf(topic).Execute<TrackCommand, PresenceEntry>(new TrackCommand(process, topic, key, meta));
    }

    public ValueTask<IReadOnlyList<PresenceEntry>> TrackManyAsync(PresenceProcess process, IReadOnlyList<TrackRequest> requests)
    {
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(requests);
        return OnOneShard(requests) is { } host
            ? host.Execute<TrackManyCommand, IReadOnlyList<PresenceEntry>>(new TrackManyCommand(process, requests))
            : OnManyShards(
                requests,
                (shard, part) => shard.CheckTrackMany(process.Id, part),
                (shard, part) => shard.ExecuteHeld<TrackManyCommand, IReadOnlyList<PresenceEntry>>(new TrackManyCommand(process, part)));
    }

    public ValueTask<PresenceEntry> UpdateAsync(PresenceProcess process, string topic, string key, PresenceMeta meta)
    {
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(topic);
        return UpdateAsync(HostOf(topic), process, topic, key, meta);
    }

    public ValueTask<PresenceEntry> UpdateAsync(
        PresenceProcess process, string topic, string key, Func<PresenceEntry, PresenceMeta> update)
    {
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(update);
        return UpdateAsync(HostOf(topic), process, topic, key, update);
    }

    public ValueTask<IReadOnlyList<PresenceEntry>> UpdateManyAsync(PresenceProcess process, IReadOnlyList<TrackRequest> requests)
    {
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(requests);
        return OnOneShard(requests) is { } host
            ? host.Execute<UpdateManyCommand, IReadOnlyList<PresenceEntry>>(new UpdateManyCommand(process, requests))
            : OnManyShards(
                requests,
                (shard, part) => shard.CheckUpdateMany(process.Id, part),
                (shard, part) => shard.ExecuteHeld<UpdateManyCommand, IReadOnlyList<PresenceEntry>>(new UpdateManyCommand(process, part)));
    }

    public ValueTask<bool> UntrackAsync(PresenceProcess process, string topic, string key)
    {
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(key);
        return HostOf(topic).Execute<UntrackCommand, bool>(new UntrackCommand(process, topic, key));
    }

    public async ValueTask<int> UntrackAllAsync(PresenceProcess process)
    {
        ArgumentNullException.ThrowIfNull(process);
        var ended = 0;
        PresenceOverloadException? refused = null;
        foreach (var host in hosts)
        {
            try
            {
                var command = new UntrackAllCommand(process, LeaveReason.Untracked);
                ended += await host.Execute<UntrackAllCommand, int>(command).ConfigureAwait(false);
            }
            catch (PresenceOverloadException e)
            {
                // The other shards need not keep what this one could not let go.
                refused = e;
            }
        }

        return refused is null ? ended : throw refused;
    }

    public TopicSnapshot List(string topic) => HostOf(topic).Shard.Index.List(topic);

    public IReadOnlyList<PresenceEntry> GetByKey(string topic, string key) => List(topic).GetByKey(key);

    public int Count(string topic) => HostOf(topic).Shard.Index.CountsOf(topic).Count;

    public int KeyCount(string topic) => HostOf(topic).Shard.Index.CountsOf(topic).KeyCount;

    public IReadOnlyList<TopicCount> Topics(string? after, int limit) => hosts.Length == 1
        ? hosts[0].Shard.Index.Topics(after, limit)
        : [.. hosts.SelectMany(h => h.Shard.Index.Topics(after, limit)).OrderBy(t => t.Topic, StringComparer.Ordinal).Take(limit)];

    public IReadOnlyList<string> TopicsOf(string key) => hosts.Length == 1
        ? hosts[0].Shard.Index.TopicsOf(key)
        : [.. hosts.SelectMany(h => h.Shard.Index.TopicsOf(key)).Order(StringComparer.Ordinal)];

    public async ValueTask<IAsyncDisposable> AddHandlerAsync(IPresenceHandler handler, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        var pump = new HandlerPump(handler, name, options.HandlerQueueCapacity, instruments, log);
        await handler.InitAsync(new PresenceHandlerContext(this, nodeName, pump.Send), cancellation).ConfigureAwait(false);
        foreach (var host in hosts)
        {
            host.Exclusively(() =>
            {
                Present(host.Shard.Index, pump);
                host.Output.Add(pump);
                return pump;
            });
        }

        pump.OnDispose = () =>
        {
            foreach (var host in hosts)
            {
                host.Post(new ActionCommand((h, _, _) => h.Output.Remove(pump)), always: true);
            }
        };
        pump.Start();
        return pump;
    }

    public TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(onDiff);
        var host = HostOf(topic);
        var subscriber = new DiffSubscriber(onDiff);
        return host.Exclusively(() =>
        {
            host.Output.Add(topic, subscriber);
            return new TopicSubscription(host.Shard.ViewOf(topic), host.Output.Version, () =>
            {
                host.Output.Dispatcher.Remove(subscriber);
                host.Post(new ActionCommand((h, _, _) => h.Output.Remove(topic, subscriber)), always: true);
            });
        });
    }

    public TopicView ViewOf(string topic) => HostOf(topic).Shard.ViewOf(topic);

    public Task DeliveredAsync() => Task.WhenAll(hosts.Select(host => host.Output.Dispatcher.DeliveredAsync()));

    /// <summary>Presences that this member's own processes have here.</summary>
    public int OwnEntries() => hosts.Sum(host => host.Exclusively(
        () => host.Shard.Index.Count - host.Shard.Peers().Where(p => p.IsShown).Sum(p => p.Entries)));

    public int ShardOf(string topic) => HostOf(topic).Shard.Shard;

    public IReadOnlyList<ReplicaStatus> Replicas() => [.. hosts.SelectMany(host =>
    {
        var now = host.Now;
        return host.Exclusively(host.Shard.Peers).Select(peer => new ReplicaStatus(
            peer.Replica.Node,
            peer.Replica.Incarnation,
            host.Shard.Shard,
            peer.IsUp ? "up" : "down",
            peer.Clock,
            peer.Advertised,
            peer.Entries,
            Since(peer.BehindSince ?? now),
            Since(peer.LastHeard)));
        TimeSpan Since(TimeSpan then) => now > then ? now - then : TimeSpan.Zero;
    })];

    private static async ValueTask<PresenceEntry> UpdateAsync(
        ShardHost host, PresenceProcess process, string topic, string key, PresenceMeta meta)
    {
        var command = new UpdateCommand(process, topic, key, meta);
        return (await host.Execute<UpdateCommand, (PresenceEntry, bool)>(command).ConfigureAwait(false)).Item1;
    }

    /// <summary>Calls the function outside of the shard, and again if the entry was updated meanwhile.</summary>
    private static async ValueTask<PresenceEntry> UpdateAsync(
        ShardHost host, PresenceProcess process, string topic, string key, Func<PresenceEntry, PresenceMeta> update)
    {
        var find = new FindCommand(process, topic, key);
        var entry = await host.Execute<FindCommand, PresenceEntry>(find).ConfigureAwait(false);
        for (var isDone = false; !isDone;)
        {
            var command = new UpdateCommand(process, topic, key, update(entry), entry);
            (entry, isDone) = await host.Execute<UpdateCommand, (PresenceEntry, bool)>(command).ConfigureAwait(false);
        }

        return entry;
    }

    private static void Present(PresenceIndex index, HandlerPump pump)
    {
        var joins = new List<PresenceChange>(index.Count);
        foreach (var topic in index.Topics(null, int.MaxValue))
        {
            foreach (var entry in index.List(topic.Topic))
            {
                joins.Add(PresenceChange.Joined(entry));
            }
        }

        if (joins.Count > 0)
        {
            pump.Post([.. joins]);
        }
    }

    private ShardHost? OnOneShard(IReadOnlyList<TrackRequest> requests)
    {
        if (hosts.Length == 1 || requests.Count == 0)
        {
            return hosts[0];
        }

        var host = HostOf(requests[0].Topic);
        return requests.All(r => HostOf(r.Topic) == host) ? host : null;
    }

    /// <summary>Checks every part before it applies any, while no other input reaches the shards concerned.</summary>
    private ValueTask<IReadOnlyList<PresenceEntry>> OnManyShards(
        IReadOnlyList<TrackRequest> requests,
        Action<TrackerShard, IReadOnlyList<TrackRequest>> check,
        Func<ShardHost, IReadOnlyList<TrackRequest>, IReadOnlyList<PresenceEntry>> apply)
    {
        var parts = requests
            .Select((request, at) => (request, at, host: HostOf(request.Topic)))
            .GroupBy(r => r.host)
            .OrderBy(g => g.Key.Shard.Shard)
            .Select(g => (Host: g.Key, Requests: g.Select(r => r.request).ToArray(), Places: g.Select(r => r.at).ToArray()))
            .ToArray();

        try
        {
            return ValueTask.FromResult<IReadOnlyList<PresenceEntry>>(ShardHost.Exclusively(parts.Select(p => p.Host).ToArray(), () =>
            {
                foreach (var part in parts)
                {
                    check(part.Host.Shard, part.Requests);
                }

                return Gather(requests.Count, parts.Select(part => (part.Places, apply(part.Host, part.Requests))));
            }));
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return ValueTask.FromException<IReadOnlyList<PresenceEntry>>(e);
        }
    }

    private static PresenceEntry[] Gather(
        int count, IEnumerable<(int[] Places, IReadOnlyList<PresenceEntry> Entries)> parts)
    {
        var entries = new PresenceEntry[count];
        foreach (var (places, made) in parts)
        {
            for (var i = 0; i < made.Count; i++)
            {
                entries[places[i]] = made[i];
            }
        }

        return entries;
    }
}
