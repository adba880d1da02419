using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Runtime;
using Orleans.Streams;
using Presence.Grains.Cluster;
using Presence.Grains.Placement;
using Presence.Node;

namespace Presence.Grains.Link;

/// <summary>Members are silos: frames travel as stream events and grain calls, membership is Orleans' own.</summary>
/// <remarks>
/// One per silo. <see cref="PresenceShardGrain"/> is its receiving end: what arrives there is handed to
/// <see cref="Deliver"/> and <see cref="AnswerAsync"/> of the same silo.
/// </remarks>
internal sealed partial class OrleansLink : IClusterLink, IDisposable
{
    /// <summary>Namespace of the streams that carry deltas; the key is that of the shard grain.</summary>
    public const string StreamProvider = "presence.deltas";
    public const string StreamNamespace = "presence.deltas";

    /// <summary>How long the start waits for the manifests of silos that run already.</summary>
    private static readonly TimeSpan ManifestTimeout = TimeSpan.FromSeconds(10);

    private readonly IClusterClient _client;
    private readonly PresenceSilos _silos;
    private readonly SiloAddress _self;
    private readonly string _selfAddress;
    private readonly PresenceOrleansOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<ShardKey, Lazy<ShardRoute>> _routes = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _following = new();
    private volatile MemberView _members = MemberView.Empty;
    private volatile IClusterReceiver? _receiver;

    public OrleansLink(
        IClusterClient client,
        PresenceSilos silos,
        ILocalSiloDetails silo,
        IOptions<PresenceOrleansOptions> options,
        ILogger<OrleansLink> logger,
        TimeProvider? time = null)
    {
        _client = client;
        _silos = silos;
        _self = silo.SiloAddress;
        _selfAddress = silo.SiloAddress.ToParsableString();
        NodeName = silo.Name;
        _options = options.Value;
        _options.Validate();
        _logger = logger;
        _time = time ?? TimeProvider.System;
    }

    public string NodeName { get; }

    public ulong Incarnation => MemberView.IncarnationOf(_self);

    public string Engine => "orleans";

    internal LinkInstruments Instruments { get; } = new();

    public async Task StartAsync(IClusterReceiver receiver, CancellationToken cancellation)
    {
        _receiver = receiver;
        await _silos.KnownAsync(ManifestTimeout, _time, cancellation);
        _silos.Changed += Follow;
        Follow(_silos.Current);
    }

    public void Send(string member, LinkFrame frame)
    {
        if (_members.ByName.TryGetValue(member, out var silo))
        {
            RouteTo(silo, frame.Shard)?.Call(frame);
        }
        else
        {
            Instruments.Dropped(DropReason.UnknownMember);
        }
    }

    public void Broadcast(LinkFrame frame)
    {
        foreach (var silo in _members.Targets)
        {
            RouteTo(silo, frame.Shard)?.Publish(frame);
        }
    }

    public async ValueTask<bool> AskAsync(string member, LinkFrame frame, CancellationToken cancellation)
    {
        if (!_members.ByName.TryGetValue(member, out var silo))
        {
            return false;
        }

        try
        {
            return await ShardGrain(new ShardKey(silo, frame.Shard))
                .Ask(Batch([frame]))
                .WaitAsync(cancellation);
        }
        catch (Exception e)
        {
            LogAskFailed(_logger, member, e);
            return false;
        }
    }

    public async Task StopAsync(CancellationToken cancellation)
    {
        _silos.Changed -= Follow;
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

    /// <summary>Takes what a shard grain of this silo received.</summary>
    internal void Deliver(DeltaBatch batch)
    {
        if (Admit(batch) is not { } receiver)
        {
            return;
        }

        foreach (var frame in batch.Frames)
        {
            Tell(() => receiver.Received(batch.From, frame));
        }
    }

    /// <summary>Takes what a shard grain of this silo was asked.</summary>
    internal async Task<bool> AnswerAsync(DeltaBatch batch)
    {
        var receiver = Admit(batch)
            ?? throw new InvalidOperationException($"Member {NodeName} does not listen now.");
        var yes = true;
        foreach (var frame in batch.Frames)
        {
            yes &= await receiver.AskedAsync(batch.From, frame);
        }

        return yes;
    }

    /// <summary>Logs an error that a delta stream reported; the tracker repairs what is missing.</summary>
    internal void StreamFailed(Exception error) => LogStreamFailed(_logger, error);

    /// <inheritdoc cref="PresenceSilos.IsNodeAsync"/>
    internal Task<bool> IsNodeAsync(SiloAddress silo) => _silos.IsNodeAsync(silo);

    internal DeltaBatch Batch(LinkFrame[] frames) => new(NodeName, _selfAddress, frames);

    internal IPresenceShardGrain ShardGrain(ShardKey key) => _client.GetGrain<IPresenceShardGrain>(key.ToString());

    internal IAsyncStream<DeltaBatch> ShardStream(ShardKey key) => _client
        .GetStreamProvider(StreamProvider)
        .GetStream<DeltaBatch>(StreamId.Create(StreamNamespace, key.ToString()));

    private IClusterReceiver? Admit(DeltaBatch batch)
    {
        Instruments.Received();
        if (_receiver is not { } receiver)
        {
            Instruments.Dropped(DropReason.NotListening, batch.Frames.Length);
            return null;
        }

        // A stream may hold frames of a silo for longer than the silo lived. Its end has been told; it must not come back.
        if (!ShardKey.TryParseSilo(batch.FromSilo, out var from)
            || _silos.IsDead(from))
        {
            Instruments.Dropped(DropReason.DeadSender, batch.Frames.Length);
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
            static (key, link) => new(() => new ShardRoute(link, key, link._options, link._time)),
            this).Value;
    }

    private void Follow(PresenceSilosSnapshot snapshot)
    {
        IReadOnlyList<string> joined;
        IReadOnlyList<(SiloAddress Silo, string Name)> gone;
        SiloAddress[] targets;
        lock (_following)
        {
            // The first snapshot may be older than one that was published meanwhile.
            var now = MemberView.Of(_silos.Current, _self);
            (joined, gone) = now.Since(_members);
            _members = now;
            targets = now.Targets;
        }

        foreach (var silo in _routes.Keys.Select(key => key.Silo).Distinct().Except(targets))
        {
            Forget(silo);
        }

        foreach (var (silo, name) in gone)
        {
            LogGone(_logger, name, silo);
            if (!string.Equals(name, NodeName, StringComparison.Ordinal))
            {
                Tell(() => _receiver?.MemberGone(name, MemberView.LastIncarnationOf(silo)));
            }
        }

        foreach (var name in joined)
        {
            LogJoined(_logger, name);
            if (!string.Equals(name, NodeName, StringComparison.Ordinal))
            {
                Tell(() => _receiver?.MemberJoined(name));
            }
        }
    }

    /// <summary>A receiver that throws loses this one thing, not the rest of a batch, and not the news of members.</summary>
    private void Tell(Action what)
    {
        try
        {
            what();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Instruments.Dropped(DropReason.ReceiverFailed);
            LogReceiverFailed(_logger, e);
        }
    }

    private void Forget(SiloAddress silo)
    {
        foreach (var (key, route) in _routes)
        {
            if (key.Silo.Equals(silo) && _routes.TryRemove(key, out _))
            {
                _ = route.Value.DisposeAsync().AsTask();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Member {Member} joined.")]
    private static partial void LogJoined(ILogger logger, string member);

    [LoggerMessage(Level = LogLevel.Information, Message = "Member {Member} on silo {Silo} is gone for good.")]
    private static partial void LogGone(ILogger logger, string member, SiloAddress silo);

    [LoggerMessage(Level = LogLevel.Error, Message = "The receiver of frames failed at one; it keeps receiving.")]
    private static partial void LogReceiverFailed(ILogger logger, Exception error);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Member {Member} did not answer.")]
    private static partial void LogAskFailed(ILogger logger, string member, Exception error);

    [LoggerMessage(Level = LogLevel.Debug, Message = "A delta stream reported an error; what is missing will be repaired.")]
    private static partial void LogStreamFailed(ILogger logger, Exception error);
}
