using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Presence.Channels;
using Presence.Node;

namespace Presence.Dashboard;

/// <summary>
/// Looks at the cluster each second: keeps the diary, tells <c>admin:cluster</c>, and, while anybody on any member has that
/// open, exchanges what each member sees, so that lag is known between each pair and not from one member alone.
/// </summary>
internal sealed partial class ClusterWatch(
    IPresenceNode node,
    IChannelBroadcaster broadcaster,
    TimeProvider time,
    ILogger<ClusterWatch> log) : IHostedService, IDisposable
{
    public const string Topic = "admin:cluster";
    public const string Event = "cluster";

    /// <summary>Where members tell each other; no channel has this topic.</summary>
    public const string ExchangeTopic = "presence.admin.cluster";

    private const string Ask = "ask";
    private const string View = "view";

    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    /// <summary>What a member said is worth so long, and so long it goes on saying it after it was asked.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly ClusterDiary _diary = new();
    private readonly ConcurrentDictionary<string, Said> _said = new(StringComparer.Ordinal);
    private IDisposable? _subscription;
    private ITimer? _timer;
    private long _asked = long.MinValue;
    private int _watchers;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _subscription = node.PubSub.Subscribe(ExchangeTopic, Hear);
        _timer = time.CreateTimer(static self => ((ClusterWatch)self!).Tick(), this, Period, Period);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _subscription?.Dispose();
        _timer?.Dispose();
    }

    /// <summary>Somebody wants the messages. The others are asked at once, and have answered by the next one.</summary>
    public void Watch()
    {
        Interlocked.Increment(ref _watchers);
        node.PubSub.Broadcast(new PubSubMessage(ExchangeTopic, Ask, "{}"u8.ToArray()));
    }

    /// <summary>Somebody does no longer.</summary>
    public void Unwatch() => Interlocked.Decrement(ref _watchers);

    /// <summary>The cluster as it is known now.</summary>
    public ChannelPayload Now()
    {
        lock (_gate)
        {
            var own = ClusterView.Of(node);
            return ChannelPayload.From(ClusterReport.Of(own, Others(own), _diary.Events, time.GetUtcNow()), ClusterView.Json);
        }
    }

    private void Tick()
    {
        try
        {
            var own = ClusterView.Of(node);
            lock (_gate)
            {
                var draining = Others(own).Where(o => o.State is "draining" or "stopped").Select(o => o.Node);
                _diary.Look(own, draining.ToHashSet(StringComparer.Ordinal), time.GetUtcNow());
            }

            if (Volatile.Read(ref _watchers) > 0)
            {
                node.PubSub.Broadcast(new PubSubMessage(ExchangeTopic, Ask, "{}"u8.ToArray()));
                broadcaster.BroadcastLocal(Topic, Event, Now());
            }

            var asked = Volatile.Read(ref _asked);
            if (asked != long.MinValue && time.GetElapsedTime(asked) < Fresh)
            {
                Say(own);
            }
        }
        catch (Exception e)
        {
            LogFailed(log, e);
        }
    }

    private void Say(ClusterView own) => node.PubSub.Broadcast(
        new PubSubMessage(ExchangeTopic, View, JsonSerializer.SerializeToUtf8Bytes(own, ClusterView.Json)));

    /// <summary>Runs where messages arrive, and only hands over.</summary>
    private void Hear(PubSubMessage message)
    {
        if (message.FromNode == node.Name || message.FromNode.Length == 0)
        {
            return;
        }

        if (message.Event == View)
        {
            _said[message.FromNode] = new Said(message.Body, time.GetTimestamp());
            return;
        }

        var before = Interlocked.Exchange(ref _asked, time.GetTimestamp());
        if (before == long.MinValue || time.GetElapsedTime(before) > Fresh)
        {
            // The first to ask after a quiet time does not wait for the next look.
            ThreadPool.QueueUserWorkItem(static self => self.Tick(), this, preferLocal: false);
        }
    }

    /// <summary>What the others said lately; what is old is forgotten, so that the dead do not pile up.</summary>
    private List<ClusterView> Others(ClusterView own)
    {
        var views = new List<ClusterView>();
        foreach (var (name, said) in _said.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            if (time.GetElapsedTime(said.At) > Fresh)
            {
                _said.TryRemove(name, out _);
            }
            else if (name != own.Node && JsonSerializer.Deserialize<ClusterView>(said.Body.Span, ClusterView.Json) is { } view)
            {
                views.Add(view);
            }
        }

        return views;
    }

    [LoggerMessage(LogLevel.Error, "The cluster could not be looked at")]
    private static partial void LogFailed(ILogger log, Exception error);

    private readonly record struct Said(ReadOnlyMemory<byte> Body, long At);
}
