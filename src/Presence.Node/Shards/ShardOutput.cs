using Microsoft.Extensions.Logging;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>Carries out the effects of one shard: sends frames, tells observers, logs.</summary>
internal sealed class ShardOutput(
    string tracker,
    int shard,
    IClusterLink link,
    PresenceOptions options,
    TimeProvider time,
    NodeInstruments instruments,
    OccasionalLog occasionally,
    ILogger log,
    Action<ShardHost> onConflict)
{
    private readonly DiffDispatcher _dispatcher = new(options.HandlerQueueCapacity, instruments, log);
    private readonly Dictionary<string, DiffSubscriber[]> _subscribers = new(StringComparer.Ordinal);
    private readonly List<HandlerPump> _handlers = [];
    private readonly LogLevel _level = Enum.Parse<LogLevel>(options.Trackers[tracker].LogLevel);

    /// <summary>Calls the subscribers.</summary>
    public DiffDispatcher Dispatcher => _dispatcher;

    /// <summary>How many steps have changed something; used inside of an input alone.</summary>
    public long Version { get; private set; }

    public void Add(HandlerPump handler) => _handlers.Add(handler);

    public void Remove(HandlerPump handler) => _handlers.Remove(handler);

    public void Add(string topic, DiffSubscriber subscriber) =>
        _subscribers[topic] = _subscribers.TryGetValue(topic, out var present) ? [.. present, subscriber] : [subscriber];

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

    public void CarryOut(ShardHost host, ShardEffects effects)
    {
        if (effects.Changes.Count > 0)
        {
            Version++;
            Publish(host.Shard, effects.Changes);
        }

        foreach (var (to, frame) in effects.Frames)
        {
            Send(to, frame);
        }

        foreach (var probe in effects.Probes)
        {
            _ = ProbeAsync(host, probe);
        }

        foreach (var happened in effects.Events)
        {
            Note(host, happened);
        }
    }

    /// <summary>Something failed that nobody waits for.</summary>
    public void InputFailed(Exception e)
    {
        instruments.InputFailed();
        if (occasionally.IsDue("input failed", out var times))
        {
            log.InputFailed(tracker, shard, times, e);
        }
    }

    public LinkFrame Encoded(ShardFrame frame)
    {
        var body = ShardFrameCodec.Encode(frame);
        instruments.Sent(TypeOf(frame), body.Length);
        return new LinkFrame(tracker, shard, body);
    }

    public static string TypeOf(ShardFrame frame) => frame switch
    {
        HeartbeatFrame => "heartbeat",
        DeltaFrame => "delta",
        RequestFrame => "request",
        RepairFrame => "repair",
        ProbeFrame => "probe",
        FarewellFrame => "farewell",
        _ => "obituary",
    };

    private void Publish(TrackerShard machine, List<PresenceChange> changes)
    {
        if (_handlers.Count > 0)
        {
            var copy = changes.ToArray();
            foreach (var handler in _handlers)
            {
                handler.Post(copy);
            }
        }

        if (_subscribers.Count == 0)
        {
            return;
        }

        foreach (var diff in new PresenceDiff(changes.Where(c => _subscribers.ContainsKey(c.Entry.Topic))).Topics)
        {
            _dispatcher.Publish(_subscribers[diff.Topic], diff with { Version = Version, View = machine.ViewOf(diff.Topic) });
        }
    }

    private void Send(string? to, ShardFrame frame)
    {
        try
        {
            if (to is null)
            {
                link.Broadcast(Encoded(frame));
            }
            else
            {
                link.Send(to, Encoded(frame));
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The frame is lost as frames may be; the others still go.
            InputFailed(e);
        }
    }

    private async Task ProbeAsync(ShardHost host, ProbeFrame probe)
    {
        var answered = false;
        var before = link.Status;
        try
        {
            using var timeout = new CancellationTokenSource(options.ProbeTimeout, time);
            answered = await link.AskAsync(probe.Target.Node, Encoded(probe), timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            InputFailed(e);
        }

        // Who is cut off from the engine itself hears nobody, however well the others are.
        var wasWithinReach = WasWithinReach(before, link.Status);
        host.Post(
            new ActionCommand((h, now, effects) =>
            {
                if (answered || wasWithinReach)
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

    /// <summary>An engine that hangs is connected until it is found to be away, and carries nothing.</summary>
    private static bool WasWithinReach(LinkStatus before, LinkStatus after) =>
        before.IsConnected && after.IsConnected && after.Since == before.Since
        && (after.Carried is not { } carried || carried > (before.Carried ?? 0));

    private void Note(ShardHost host, ReplicaEvent happened)
    {
        switch (happened.Kind)
        {
            case ReplicaEventKind.NameConflict:
                onConflict(host);
                break;
            case ReplicaEventKind.Refused:
                instruments.Dropped("refused");
                log.Refused(tracker, shard, happened.Replica.ToString(), happened.Detail);
                return;
            case ReplicaEventKind.Ignored:
                instruments.Dropped("over");
                break;
            case ReplicaEventKind.RepairRequested:
                instruments.Transfer("requested");
                break;
            case ReplicaEventKind.RepairSent:
                instruments.Transfer("sent");
                break;
        }

        if (_level != LogLevel.None && LevelOf(happened.Kind) is var level && level >= _level && log.IsEnabled(level))
        {
            log.ReplicaEvent(level, tracker, shard, happened.Kind.ToString(), happened.Replica.ToString(), happened.Detail);
        }
    }

    private static LogLevel LevelOf(ReplicaEventKind kind) => kind switch
    {
        ReplicaEventKind.Down or ReplicaEventKind.PermDown or ReplicaEventKind.Dead or ReplicaEventKind.Restarted => LogLevel.Warning,
        ReplicaEventKind.RepairRequested or ReplicaEventKind.RepairSent or ReplicaEventKind.Ignored => LogLevel.Debug,
        _ => LogLevel.Information,
    };
}
