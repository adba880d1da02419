using Microsoft.Extensions.Logging;
using Presence.Node.CountsOnly;
using Presence.Node.Evictions;
using Presence.Node.Hosting;
using Presence.Node.KeyWatching;
using Presence.Node.Messages;
using Presence.Node.Sessions;
using Presence.Node.Shards;
using Presence.Node.Telemetry;
using Presence.Tracker;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Node.Trackers;

/// <summary>See <see cref="IPresenceTracker"/>. Here is what changes presences; its other part reads them.</summary>
internal sealed partial class PresenceTracker(
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

    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    public void CheckLimits(TrackRequest request) => HostOf(request.Topic).Shard.CheckLimits(request);

    public int ShardOf(string topic) => HostOf(topic).Shard.Shard;

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

    private CountsOnlyTopics? CountsOnlyOf(string topic) =>
        countsOnly is not null && topic is not null && options.Trackers[name].CountsOnlyOf(topic) is not null
            ? countsOnly : null;

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

internal readonly struct TrackCommand(PresenceSession session, string topic, string key, PresenceMeta meta)
    : IShardCommand<PresenceEntry>
{
    public PresenceEntry Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        var entry = host.Shard.Track(now, session.Id, topic, key, meta, effects, session.StampForChange());
        host.AttachSession(session, now, effects);
        return entry;
    }
}

internal readonly struct TrackManyCommand(PresenceSession session, IReadOnlyList<TrackRequest> requests)
    : IShardCommand<IReadOnlyList<PresenceEntry>>
{
    public IReadOnlyList<PresenceEntry> Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        var entries = host.Shard.TrackMany(now, session.Id, requests, effects, session.StampForChange());
        host.AttachSession(session, now, effects);
        return entries;
    }
}

internal readonly struct FindCommand(PresenceSession session, string topic, string key) : IShardCommand<PresenceEntry>
{
    public PresenceEntry Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        session.StampForChange();
        return host.Shard.Find(session.Id, topic, key);
    }
}

/// <summary>Replaces the metadata; with <paramref name="expected"/>, only if that is the current version.</summary>
internal readonly struct UpdateCommand(
    PresenceSession session, string topic, string key, PresenceMeta meta, PresenceEntry? expected = null)
    : IShardCommand<(PresenceEntry Entry, bool IsDone)>
{
    public (PresenceEntry Entry, bool IsDone) Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        session.StampForChange();
        if (expected is not null && host.Shard.Find(session.Id, topic, key) is var present && present != expected)
        {
            return (present, false);
        }

        var value = meta;
        return (host.Shard.Update(now, session.Id, topic, key, _ => value, effects), true);
    }
}

internal readonly struct UpdateManyCommand(PresenceSession session, IReadOnlyList<TrackRequest> requests)
    : IShardCommand<IReadOnlyList<PresenceEntry>>
{
    public IReadOnlyList<PresenceEntry> Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        session.StampForChange();
        return host.Shard.UpdateMany(now, session.Id, requests, effects);
    }
}

internal readonly struct UntrackCommand(PresenceSession session, string topic, string key) : IShardCommand<bool>
{
    public bool Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        session.StampForChange();
        return host.Shard.Untrack(now, session.Id, topic, key, effects);
    }
}

internal readonly struct UntrackAllCommand(PresenceSession session, LeaveReason reason) : IShardCommand<int>
{
    public int Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        session.StampForChange();
        return host.Shard.UntrackAll(now, session.Id, reason, effects);
    }
}
