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
        return HostOf(topic).Execute<UpdateCommand, PresenceEntry>(new UpdateCommand(process, topic, key, null, meta));
    }

    public ValueTask<PresenceEntry> UpdateAsync(
        PresenceProcess process, string topic, string key, Func<PresenceEntry, PresenceMeta> update)
    {
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(update);
        return HostOf(topic).Execute<UpdateCommand, PresenceEntry>(new UpdateCommand(process, topic, key, update, default));
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
        try
        {
            foreach (var host in hosts)
            {
                host.Exclusively((_, _) =>
                {
                    Present(host.Shard.Index, pump);
                    host.Output.Add(pump);
                });
            }
        }
        catch
        {
            // Refused by one shard: let go by all, in their own time, because this thread may be inside one of them.
            foreach (var host in hosts)
            {
                host.Post(new ActionCommand((h, _, _) => h.Output.Remove(pump)), always: true);
            }

            throw;
        }

        pump.OnDispose = () =>
        {
            foreach (var host in hosts)
            {
                host.Exclusively((_, _) => host.Output.Remove(pump));
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
        (TopicView? view, long version) = (null, 0);
        host.Exclusively((_, _) =>
        {
            (view, version) = (host.Shard.ViewOf(topic), host.Output.Version);
            host.Output.Add(topic, onDiff);
        });
        return new TopicSubscription(view!, version, () => host.Exclusively((_, _) => host.Output.Remove(topic, onDiff)));
    }

    public TopicView ViewOf(string topic) => HostOf(topic).Shard.ViewOf(topic);

    /// <summary>Presences that this member's own processes have here.</summary>
    public int OwnEntries()
    {
        var own = 0;
        foreach (var host in hosts)
        {
            host.Exclusively((_, _) => own += host.Shard.Index.Count - host.Shard.Peers().Where(p => p.IsShown).Sum(p => p.Entries));
        }

        return Math.Max(0, own);
    }

    public int ShardOf(string topic) => HostOf(topic).Shard.Shard;

    public IReadOnlyList<ReplicaStatus> Replicas()
    {
        var statuses = new List<ReplicaStatus>();
        foreach (var host in hosts)
        {
            host.Exclusively((now, _) =>
            {
                foreach (var peer in host.Shard.Peers())
                {
                    statuses.Add(new ReplicaStatus(
                        peer.Replica.Node,
                        peer.Replica.Incarnation,
                        host.Shard.Shard,
                        peer.IsUp ? "up" : "down",
                        peer.Clock,
                        peer.Advertised,
                        peer.Entries,
                        peer.BehindSince is { } since ? now - since : TimeSpan.Zero,
                        now - peer.LastHeard));
                }
            });
        }

        return statuses;
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

        // A callback holds its own shard: to wait for others there would be to wait for each other.
        if (ShardHost.IsInside)
        {
            return new ValueTask<IReadOnlyList<PresenceEntry>>(Task.Run(All));
        }

        try
        {
            return ValueTask.FromResult(All());
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return ValueTask.FromException<IReadOnlyList<PresenceEntry>>(e);
        }

        IReadOnlyList<PresenceEntry> All() => ShardHost.Exclusively(parts.Select(p => p.Host).ToArray(), () =>
        {
            foreach (var part in parts)
            {
                check(part.Host.Shard, part.Requests);
            }

            return Gather(requests.Count, parts.Select(part => (part.Places, apply(part.Host, part.Requests))));
        });
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
