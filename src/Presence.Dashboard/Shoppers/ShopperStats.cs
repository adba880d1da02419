using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Presence.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Dashboard;

/// <summary>
/// Counts the shoppers of the whole cluster as this member sees them, tells its publications (<c>admin:stats</c> at most
/// four times a second, <c>admin:live</c> at most ten times), and remembers the last ten minutes, so that a chart has a
/// past when somebody opens it.
/// </summary>
/// <remarks>
/// Changes gather, condensed to their net effect, until somebody wants numbers: the next message, the next sample, a join.
/// </remarks>
internal sealed partial class ShopperStats(
    IPresenceNode node,
    IChannelBroadcaster broadcaster,
    TimeProvider time,
    ILogger<ShopperStats> log) : IHostedService, IDisposable
{
    public const string Event = "stats";
    public const string Presences = "admin:cart_tracker";

    /// <summary>Time between two samples for the charts.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromSeconds(2);

    /// <summary>Samples that are kept: ten minutes.</summary>
    public const int Samples = 300;

    // Taken by the tracker's dispatcher and never held for long; the other is held while numbers are made.
    private readonly Lock _pendingGate = new();
    private readonly Lock _gate = new();
    private readonly DiffCoalescer _pending = new();
    private readonly ShopperTally _tally = new();
    private readonly Queue<StatsView> _samples = new(Samples);
    private TopicSubscription? _subscription;
    private ITimer? _sampler;

    /// <summary><c>admin:stats</c>, for any client.</summary>
    public StatsPublication Calm { get; } = new("admin:stats", TimeSpan.FromMilliseconds(250), time);

    /// <summary><c>admin:live</c>, for a page that somebody looks at.</summary>
    public StatsPublication Live { get; } = new("admin:live", TimeSpan.FromMilliseconds(100), time);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        Calm.Start(() => Tell(Calm));
        Live.Start(() => Tell(Live));
        lock (_gate)
        {
            _subscription = node.Tracker.Subscribe(Presences, OnDiff);
            foreach (var entry in _subscription.Snapshot)
            {
                _tally.Put(entry);
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
        Calm.Dispose();
        Live.Dispose();
    }

    /// <summary>The numbers as they are.</summary>
    public StatsView Now()
    {
        lock (_gate)
        {
            CatchUp();
            return StatsView.Of(_tally, time.GetUtcNow());
        }
    }

    /// <summary>The numbers as they were.</summary>
    public StatsHistory History()
    {
        lock (_gate)
        {
            return StatsHistory.Of(_samples, Step, StatsView.Of(_tally, time.GetUtcNow()));
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

        Calm.Due();
        Live.Due();
    }

    private void Tell(StatsPublication publication)
    {
        try
        {
            broadcaster.BroadcastLocal(publication.Topic, Event, ChannelPayload.From(Now()));
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

    private void CatchUp()
    {
        IReadOnlyList<PresenceChange> changes;
        lock (_pendingGate)
        {
            changes = _pending.Drain();
        }

        foreach (var change in changes)
        {
            _tally.Apply(change);
        }
    }

    [LoggerMessage(LogLevel.Error, "The shoppers could not be counted")]
    private static partial void LogFailed(ILogger log, Exception error);
}
