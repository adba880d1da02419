using Microsoft.Extensions.Logging;
using Presence.Node.Handlers;
using Presence.Node.Hosting;
using Presence.Node.Sessions;
using Presence.Node.Telemetry;
using Presence.Tracker;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Node.Shards;

/// <summary>Executes the effects of one shard: sends frames, notifies handlers and subscribers, logs.</summary>
internal sealed class EffectExecutor(
    string tracker,
    int shard,
    TrackerOptions trackerOptions,
    IClusterTransport transport,
    PresenceOptions options,
    TimeProvider time,
    NodeInstruments instruments,
    RateLimitedLogger rateLimitedLog,
    ILogger log,
    Action<ShardHost> onConflict,
    Func<SessionTable> sessions,
    Func<ReplicatedShards> shards)
{
    private readonly DiffDispatcher _dispatcher = new(options.HandlerQueueCapacity, instruments, log);
    private readonly Dictionary<string, DiffSubscriber[]> _subscribers = new(StringComparer.Ordinal);
    private readonly List<IChangeSink> _handlers = [];
    private readonly TimeSpan _probeTimeout = TimeSpan.FromTicks(
        Math.Min(options.ProbeTimeout.Ticks, trackerOptions.MaxProbeTimeout.Ticks));
    private readonly LogLevel _level = Enum.Parse<LogLevel>(trackerOptions.LogLevel);

    /// <summary>Gets whether the presences are none of the application, and are not measured.</summary>
    public bool IsInternal { get; init; }

    public DiffDispatcher Dispatcher => _dispatcher;

    /// <summary>Number of commands that changed a presence; used with the shard locked.</summary>
    public long Version { get; private set; }

    /// <summary>Gets the last changes; null unless <see cref="KeepHistory"/> was called.</summary>
    public ChangeHistory? History { get; private set; }

    public void KeepHistory() => History ??= new ChangeHistory();

    public void Add(IChangeSink handler) => _handlers.Add(handler);

    public void Remove(IChangeSink handler) => _handlers.Remove(handler);

    public void Add(string topic, DiffSubscriber subscriber) =>
        _subscribers[topic] = [.. _subscribers.GetValueOrDefault(topic, []), subscriber];

    public void Remove(string topic, DiffSubscriber subscriber)
    {
        DiffSubscriber[] rest = [.. _subscribers.GetValueOrDefault(topic, []).Where(s => s != subscriber)];
        if (rest.Length == 0)
        {
            _subscribers.Remove(topic);
        }
        else
        {
            _subscribers[topic] = rest;
        }
    }

    public void Execute(ShardHost host, ShardEffects effects)
    {
        if (effects.Changes.Count > 0)
        {
            host.Show(effects.Changes);
        }

        foreach (var (to, frame) in effects.Frames)
        {
            Send(host, to, frame);
        }

        foreach (var probe in effects.Probes)
        {
            _ = ProbeAsync(host, probe);
        }

        foreach (var sighting in effects.Sessions)
        {
            sessions().OnSighted(sighting);
        }

        foreach (var hidden in effects.Hidden)
        {
            sessions().OnHidden(hidden);
        }

        foreach (var other in effects.OtherPools)
        {
            shards().Expect(other);
        }

        foreach (var process in effects.Started)
        {
            shards().Started(process, host.Shard.PoolSize);
        }

        foreach (var replicaEvent in effects.Events)
        {
            Record(host, replicaEvent);
        }
    }

    /// <summary>Notifies handlers and subscribers of the changes of a command.</summary>
    public void Show(TrackerShard shown, List<PresenceChange> changes)
    {
        Version++;
        Publish(shown, changes);
    }

    /// <summary>Handles that a shard for another pool size has no node any more.</summary>
    public void ReaderUnused(int poolSize) => shards().RemoveUnused(poolSize);

    public void InputFailed(Exception e)
    {
        instruments.InputFailed();
        if (rateLimitedLog.IsDue("input failed", out var count))
        {
            log.InputFailed(tracker, shard, count, e);
        }
    }

    public ClusterFrame Encoded(ShardFrame frame, bool withSessions = true, string? traceParent = null)
    {
        var body = ShardFrameCodec.Encode(frame, withSessions);
        instruments.Sent(TypeOf(frame), body.Length);
        return new ClusterFrame(tracker, shard, body) { TraceParent = traceParent };
    }

    public static string TypeOf(ShardFrame frame) => frame switch
    {
        HeartbeatFrame => "heartbeat",
        DeltaFrame => "delta",
        RequestFrame => "request",
        RepairFrame => "repair",
        ProbeFrame => "probe",
        LeaveFrame => "leave",
        _ => "stale_incarnation",
    };

    private void Publish(TrackerShard tracked, List<PresenceChange> changes)
    {
        if (!IsInternal)
        {
            instruments.Changed(changes);
        }

        if (_handlers.Count == 0 && _subscribers.Count == 0 && History is null)
        {
            return;
        }

        using var span = NodeActivities.Start(NodeActivities.Publish);
        span?.SetTag("presence.changes", changes.Count);
        PresenceChange[]? copy = null;
        if (_handlers.Count > 0 || History is not null)
        {
            copy = [.. changes];
            History?.Add(Version, copy);
            foreach (var handler in _handlers)
            {
                handler.Post(copy);
            }
        }

        if (_subscribers.Count == 0)
        {
            return;
        }

        if (changes is [var only])
        {
            // The common case needs no grouping.
            if (_subscribers.TryGetValue(only.Entry.Topic, out var subscribers))
            {
                Publish(subscribers, only.Entry.Topic, copy ?? [only], tracked);
            }

            return;
        }

        foreach (var diff in new PresenceDiff(changes.Where(c => _subscribers.ContainsKey(c.Entry.Topic))).Topics)
        {
            Publish(_subscribers[diff.Topic], diff.Topic, diff.Changes, tracked);
        }
    }

    private void Publish(
        DiffSubscriber[] subscribers, string topic, IReadOnlyList<PresenceChange> changes, TrackerShard tracked)
    {
        var diff = new TopicDiff(topic, changes) { Version = Version, View = tracked.ViewOf(topic) };
        var queues = 0;
        foreach (var queue in subscribers)
        {
            if (queue.IsQueue)
            {
                queues++;
                queue.OnDiff(diff);
            }
        }

        if (queues < subscribers.Length)
        {
            _dispatcher.Publish(queues == 0 ? subscribers : [.. subscribers.Where(s => !s.IsQueue)], diff);
        }
    }

    private void Send(ShardHost host, string? to, ShardFrame frame)
    {
        try
        {
            using var span = frame is DeltaFrame ? NodeActivities.StartReplicate(host.Cause) : null;
            var traceParent = span?.Id;
            var encoded = Encoded(frame, traceParent: traceParent);
            var earlier = encoded.Body.Span[0] == ShardFrameCodec.Version ? [] : transport.NodesWithoutSessions;
            if (to is not null)
            {
                transport.Send(to, earlier.Contains(to) ? Encoded(frame, withSessions: false, traceParent) : encoded);
            }
            else if (earlier.Count == 0)
            {
                transport.Broadcast(encoded);
            }
            else
            {
                var others = host.Shard.Peers().Select(p => p.Replica.Node).Except(earlier);
                SendEach(others, encoded);
                SendEach(earlier, Encoded(frame, withSessions: false, traceParent));
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Frames may be lost; the others are still sent.
            InputFailed(e);
        }
    }

    private void SendEach(IEnumerable<string> nodes, ClusterFrame frame)
    {
        foreach (var node in nodes)
        {
            transport.Send(node, frame);
        }
    }

    private async Task ProbeAsync(ShardHost host, ProbeFrame probe)
    {
        var answered = false;
        var before = transport.Status;
        try
        {
            using var timeout = new CancellationTokenSource(_probeTimeout, time);
            var request = transport.RequestAsync(probe.Target.Node, Encoded(probe), timeout.Token);
            answered = await request.ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            InputFailed(e);
        }

        // While the transport was disconnected, a missing response says nothing about the target.
        var wasAccepted = WasAccepted(before, transport.Status);
        host.Post(
            new ActionCommand((h, now, effects) =>
            {
                if (answered || wasAccepted)
                {
                    h.Shard.ProbeAnswered(now, probe.Target, answered, effects);
                }
                else
                {
                    h.Shard.ProbeAbandoned(probe.Target);
                }
            }),
            always: true);
    }

    /// <summary>A hung transport reports itself connected until it detects the failure, but accepts nothing.</summary>
    private static bool WasAccepted(ClusterTransportStatus before, ClusterTransportStatus after) =>
        before.IsConnected && after.IsConnected && after.Since == before.Since
        && (after.AcceptedFrames is not { } accepted || accepted > (before.AcceptedFrames ?? 0));

    private void Record(ShardHost host, ReplicaEvent replicaEvent)
    {
        switch (replicaEvent.Kind)
        {
            case ReplicaEventKind.NameConflict:
                onConflict(host);
                break;
            case ReplicaEventKind.Ignored:
                instruments.Dropped("ended_replica");
                break;
            case ReplicaEventKind.Stopped:
                transport.OnNodeLeft(replicaEvent.Replica.Node, replicaEvent.Replica.Incarnation);
                break;
            case ReplicaEventKind.RepairRequested:
                instruments.Repair("requested");
                break;
            case ReplicaEventKind.RepairSent:
                instruments.Repair("sent");
                break;
        }

        var (kind, replica) = (replicaEvent.Kind, replicaEvent.Replica);
        if (_level != LogLevel.None && LevelOf(kind) is var level && level >= _level && log.IsEnabled(level))
        {
            log.ReplicaEvent(level, tracker, shard, kind.ToString(), replica.ToString(), replicaEvent.Detail);
        }
    }

    private static LogLevel LevelOf(ReplicaEventKind kind) => kind switch
    {
        ReplicaEventKind.Down or ReplicaEventKind.PermDown or ReplicaEventKind.Dead or ReplicaEventKind.Restarted =>
            LogLevel.Warning,
        ReplicaEventKind.RepairRequested or ReplicaEventKind.RepairSent or ReplicaEventKind.Ignored => LogLevel.Debug,
        _ => LogLevel.Information,
    };
}
