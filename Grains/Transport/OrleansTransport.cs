using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Runtime;
using Orleans.Streams;
using Presence.Grains.Client;
using Presence.Grains.Cluster;
using Presence.Grains.Placement;
using Presence.Node;
using Presence.Node.Hosting;
using Presence.Tracker;

namespace Presence.Grains.Transport;

/// <summary>Cluster transport on Orleans: nodes are silos, frames are stream events and grain calls.</summary>
/// <remarks>One per silo. <see cref="PresenceShardGrain"/> passes received frames to it.</remarks>
internal sealed partial class OrleansTransport : IClusterTransport, IDisposable
{
    /// <summary>Provider and namespace of the streams that carry deltas. Key: that of the shard grain.</summary>
    public const string StreamProvider = "presence.deltas";
    public const string StreamNamespace = "presence.deltas";

    /// <summary>Maximum number of shards of a tracker (<see cref="TrackerOptions.PoolSize"/>).</summary>
    private const int MaxShards = 1024;

    /// <summary>Maximum time to wait at start for the manifests of running silos.</summary>
    private static readonly TimeSpan ManifestTimeout = TimeSpan.FromSeconds(10);

    private readonly IClusterClient _client;
    private readonly GrainReferences<IPresenceShardGrain> _shards;
    private readonly PresenceSilos _silos;
    private readonly SiloAddress _self;
    private readonly string _selfAddress;
    private readonly PresenceOrleansOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly RateLimitedLogger _rateLimitedLog;
    private readonly ConcurrentDictionary<ShardKey, Lazy<ShardRoute>> _routes = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _following = new();
    private volatile NodeView _nodes = NodeView.Empty;
    private volatile IClusterTransportReceiver? _receiver;

    public OrleansTransport(
        IClusterClient client,
        PresenceSilos silos,
        ILocalSiloDetails silo,
        IOptions<PresenceOrleansOptions> options,
        ILogger<OrleansTransport> logger,
        TimeProvider? time = null,
        IMeterFactory? meters = null)
    {
        Instruments = new TransportInstruments(meters);
        _client = client;
        _shards = new(client);
        _silos = silos;
        _self = silo.SiloAddress;
        _selfAddress = silo.SiloAddress.ToParsableString();
        NodeName = silo.Name;
        _options = options.Value;
        _logger = logger;
        _time = time ?? TimeProvider.System;
        _rateLimitedLog = new RateLimitedLogger(_time);
    }

    public string NodeName { get; }

    public ulong Incarnation => NodeView.IncarnationOf(_self);

    public string Name => "orleans";

    public IReadOnlyCollection<string> NodesWithoutSessions => _nodes.WithoutSessions;

    public string? VersionOf(string node) =>
        _nodes.ByName.TryGetValue(node, out var silo) ? _silos.Current.Nodes.GetValueOrDefault(silo)?.Version : null;

    internal TransportInstruments Instruments { get; }

    public async Task StartAsync(IClusterTransportReceiver receiver, CancellationToken cancellation)
    {
        _receiver = receiver;
        await _silos.KnownAsync(ManifestTimeout, _time, cancellation);
        _silos.Changed += OnSilosChanged;
        OnSilosChanged(_silos.Current);
    }

    public void Send(string node, ClusterFrame frame)
    {
        if (_nodes.ByName.TryGetValue(node, out var silo))
        {
            RouteTo(silo, frame.Shard)?.Call(frame);
        }
        else
        {
            Instruments.Dropped(DropReason.UnknownNode);
        }
    }

    public void Broadcast(ClusterFrame frame)
    {
        foreach (var silo in _nodes.Targets)
        {
            RouteTo(silo, frame.Shard)?.Publish(frame);
        }
    }

    public async ValueTask<bool> RequestAsync(string node, ClusterFrame frame, CancellationToken cancellation)
    {
        if (!_nodes.ByName.TryGetValue(node, out var silo))
        {
            return false;
        }

        try
        {
            return await ShardGrain(new ShardKey(silo, frame.Shard))
                .Request(Batch([frame]))
                .WaitAsync(cancellation);
        }
        catch (Exception e)
        {
            LogRequestFailed(_logger, node, e);
            return false;
        }
    }

    public async Task StopAsync(CancellationToken cancellation)
    {
        _silos.Changed -= OnSilosChanged;
        _receiver = null;
        await _stop.CancelAsync();
        await Task.WhenAll(_routes.Values.Select(r => r.Value.DisposeAsync().AsTask()))
            .WaitAsync(cancellation)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _routes.Clear();
    }

    public void Dispose()
    {
        _stop.Dispose();
        Instruments.Dispose();
    }

    /// <summary>Delivers frames that a shard grain of this silo received.</summary>
    internal void Deliver(DeltaBatch batch)
    {
        if (!IsOfSender(batch) || Accept(batch) is not { } receiver)
        {
            return;
        }

        foreach (var frame in batch.Frames)
        {
            Notify(() => receiver.OnFrame(batch.From, frame));
        }
    }

    public void OnNodeLeft(string node, ulong incarnation) => _silos.MarkLeft(node, incarnation);

    /// <summary>Handles a request that a shard grain of this silo received.</summary>
    internal async Task<bool> RequestAsync(DeltaBatch batch)
    {
        if (!IsOfSender(batch))
        {
            return false;
        }

        var receiver = Accept(batch)
            ?? throw new InvalidOperationException($"Node {NodeName} is not started.");
        var result = true;
        foreach (var frame in batch.Frames)
        {
            result &= await receiver.OnRequestAsync(batch.From, frame);
        }

        return result;
    }

    /// <summary>Logs an error of a delta stream. Anti-entropy repairs lost frames.</summary>
    internal void StreamFailed(Exception error) => LogStreamFailed(_logger, error);

    /// <inheritdoc cref="PresenceSilos.IsNodeAsync"/>
    internal Task<bool> IsNodeAsync(SiloAddress silo) => _silos.IsNodeAsync(silo);

    internal DeltaBatch Batch(ClusterFrame[] frames) => new(NodeName, _selfAddress, frames);

    internal IPresenceShardGrain ShardGrain(ShardKey key) => _shards[key.ToString()];

    internal IAsyncStream<DeltaBatch> ShardStream(ShardKey key) => _client
        .GetStreamProvider(StreamProvider)
        .GetStream<DeltaBatch>(StreamId.Create(StreamNamespace, key.ToString()));

    /// <summary>
    /// Returns whether a batch names its sender as membership does, so that nobody sends frames under another's name;
    /// counts it as dropped otherwise.
    /// </summary>
    internal bool IsOfSender(DeltaBatch batch)
    {
        var frames = batch?.Frames?.Length ?? 1;
        if (batch?.Frames is null || batch.From is null || batch.FromSilo is null)
        {
            return Drop(DropReason.Malformed, frames, "batch without a sender or frames");
        }

        // A stream may hold frames of a silo that is reported as removed; they must not add it again.
        if (!ShardKey.TryParseSilo(batch.FromSilo, out var from) || _silos.IsDead(from))
        {
            Instruments.Dropped(DropReason.DeadSender, frames);
            return false;
        }

        if (_silos.NameOf(from) is not { } name)
        {
            // It joined a moment ago. What is lost is repaired.
            Instruments.Dropped(DropReason.UnknownNode, frames);
            return false;
        }

        return name == batch.From
            || Drop(DropReason.ForgedSender, frames, $"silo {from} is not the node that the frames name");
    }

    /// <summary>
    /// Returns whether a stream belongs to a shard of this silo; counts its batch as dropped otherwise.
    /// </summary>
    internal bool IsOfThisSilo(string shardKey, DeltaBatch batch) =>
        (ShardKey.TryParse(shardKey, out var key) && key.Value.Silo.Equals(_self) && key.Value.Shard < MaxShards)
        || Drop(DropReason.Malformed, batch?.Frames?.Length ?? 1, "no shard of this silo has the key");

    private bool Drop(DropReason reason, int frames, string detail)
    {
        Instruments.Dropped(reason, frames);
        if (_rateLimitedLog.IsDue(reason.ToString(), out var count))
        {
            LogRejected(_logger, detail, count);
        }

        return false;
    }

    private IClusterTransportReceiver? Accept(DeltaBatch batch)
    {
        Instruments.Received();
        if (_receiver is not { } receiver)
        {
            Instruments.Dropped(DropReason.NotListening, batch.Frames.Length);
            return null;
        }

        return receiver;
    }

    private ShardRoute? RouteTo(SiloAddress silo, int shard)
    {
        if (_stop.IsCancellationRequested)
        {
            return null;
        }

        return _routes.GetOrAdd(
            new ShardKey(silo, shard),
            static (key, transport) => new(() => new ShardRoute(transport, key, transport._options, transport._time)),
            this).Value;
    }

    private void OnSilosChanged(PresenceSilosSnapshot snapshot)
    {
        IReadOnlyList<string> joined;
        IReadOnlyList<(SiloAddress Silo, string Name)> removed;
        SiloAddress[] targets;
        lock (_following)
        {
            // The first snapshot may be older than one that was published in the meantime.
            var now = NodeView.Of(_silos.Current, _self);
            (joined, removed) = now.Since(_nodes);
            _nodes = now;
            targets = now.Targets;
        }

        foreach (var silo in _routes.Keys.Select(key => key.Silo).Distinct().Except(targets))
        {
            RemoveRoutes(silo);
        }

        foreach (var (silo, name) in removed)
        {
            LogRemoved(_logger, name, silo);
            if (!string.Equals(name, NodeName, StringComparison.Ordinal))
            {
                Notify(() => _receiver?.OnNodeRemoved(name, NodeView.LastIncarnationOf(silo)));
            }
        }

        foreach (var name in joined)
        {
            LogJoined(_logger, name);
            if (!string.Equals(name, NodeName, StringComparison.Ordinal))
            {
                Notify(() => _receiver?.OnNodeJoined(name));
            }
        }
    }

    /// <summary>Calls the receiver. An exception drops only the current frame or membership event.</summary>
    private void Notify(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Instruments.Dropped(DropReason.ReceiverFailed);
            LogReceiverFailed(_logger, e);
        }
    }

    private void RemoveRoutes(SiloAddress silo)
    {
        foreach (var (key, route) in _routes)
        {
            if (key.Silo.Equals(silo) && _routes.TryRemove(key, out _))
            {
                _ = route.Value.DisposeAsync().AsTask();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Node {Node} joined the cluster.")]
    private static partial void LogJoined(ILogger logger, string node);

    [LoggerMessage(Level = LogLevel.Information, Message = "Node {Node} (silo {Silo}) removed from the cluster.")]
    private static partial void LogRemoved(ILogger logger, string node, SiloAddress silo);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Batch of frames dropped: {Detail} ({Count} occurrences since last log).")]
    private static partial void LogRejected(ILogger logger, string detail, long count);

    [LoggerMessage(Level = LogLevel.Error, Message = "Frame handler threw; frame dropped.")]
    private static partial void LogReceiverFailed(ILogger logger, Exception error);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Node {Node} did not answer the request.")]
    private static partial void LogRequestFailed(ILogger logger, string node, Exception error);

    [LoggerMessage(Level = LogLevel.Debug, Message = "A delta stream failed; anti-entropy repairs lost frames.")]
    private static partial void LogStreamFailed(ILogger logger, Exception error);
}
