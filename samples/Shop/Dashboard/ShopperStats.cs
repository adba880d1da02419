using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Presence.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Samples.Shop;

/// <summary>
/// Counts the shoppers of the cluster as this node sees them, publishes the counts (<c>admin:stats</c> at most four
/// times a second, <c>admin:live</c> at most ten times), and stores samples of the last ten minutes for charts.
/// </summary>
/// <remarks>
/// Changes are coalesced until counts are needed: for the next message, the next sample or a join.
/// </remarks>
internal sealed partial class ShopperStats(
    IPresenceNode node,
    IChannelBroadcaster broadcaster,
    TimeProvider time,
    ILogger<ShopperStats> log) : IHostedService, IDisposable
{
    public const string Event = "stats";
    public const string Presences = "admin:cart_tracker";

    /// <summary>The time between two samples.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromSeconds(2);

    /// <summary>The number of stored samples: ten minutes.</summary>
    public const int Samples = 300;

    // The dispatcher of the tracker takes the first lock, which is held briefly; the second is held while counting.
    private readonly Lock _pendingGate = new();
    private readonly Lock _gate = new();
    private readonly DiffCoalescer _pending = new();
    private readonly ShopperCounter _counter = new();
    private readonly Queue<StatsView> _samples = new(Samples);
    private TopicSubscription? _subscription;
    private ITimer? _sampler;

    /// <summary>Gets the publisher of <c>admin:stats</c>, for any client.</summary>
    public ThrottledPublisher Stats { get; } = new("admin:stats", TimeSpan.FromMilliseconds(250), time);

    /// <summary>Gets the publisher of <c>admin:live</c>, for the dashboard.</summary>
    public ThrottledPublisher Live { get; } = new("admin:live", TimeSpan.FromMilliseconds(100), time);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        Stats.Start(() => Publish(Stats));
        Live.Start(() => Publish(Live));
        lock (_gate)
        {
            _subscription = node.Tracker.Subscribe(Presences, OnDiff);
            foreach (var entry in _subscription.Snapshot)
            {
                _counter.Put(entry);
            }
        }

        _sampler = time.CreateTimer(static self => ((ShopperStats)self!).Sample(), this, Step, Step);
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
        _sampler?.Dispose();
        Stats.Dispose();
        Live.Dispose();
    }

    /// <summary>Returns the current counts.</summary>
    public StatsView Now()
    {
        lock (_gate)
        {
            ApplyPending();
            return StatsView.Of(_counter, time.GetUtcNow());
        }
    }

    /// <summary>Returns the stored samples.</summary>
    public StatsHistory History()
    {
        lock (_gate)
        {
            return StatsHistory.Of(_samples, Step, StatsView.Of(_counter, time.GetUtcNow()));
        }
    }

    private void OnDiff(TopicDiff diff)
    {
        lock (_pendingGate)
        {
            foreach (var change in diff.Changes)
            {
                _pending.Add(change);
            }
        }

        Stats.RequestSend();
        Live.RequestSend();
    }

    private void Publish(ThrottledPublisher publisher)
    {
        try
        {
            broadcaster.BroadcastLocal(publisher.Topic, Event, ChannelPayload.From(Now()));
        }
        catch (Exception e)
        {
            LogFailed(log, e);
        }
    }

    private void Sample()
    {
        try
        {
            var sample = Now();
            lock (_gate)
            {
                if (_samples.Count == Samples)
                {
                    _samples.Dequeue();
                }

                _samples.Enqueue(sample);
            }
        }
        catch (Exception e)
        {
            LogFailed(log, e);
        }
    }

    private void ApplyPending()
    {
        IReadOnlyList<PresenceChange> changes;
        lock (_pendingGate)
        {
            changes = _pending.Drain();
        }

        foreach (var change in changes)
        {
            _counter.Apply(change);
        }
    }

    [LoggerMessage(LogLevel.Error, "Counting the shoppers failed")]
    private static partial void LogFailed(ILogger log, Exception error);
}
