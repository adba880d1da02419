using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using Presence.Grains.Leases;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>This silo's observers. Those of one topic share its <see cref="TopicChangePump"/>.</summary>
internal sealed class ObserverRegistry : IDisposable
{
    private readonly IPresenceNode _node;
    private readonly TopicChangePumps _pumps;
    private readonly EndedIds _ended;
    private readonly PresenceOrleansOptions _options;
    private readonly TimeProvider _time;
    private readonly Meter _meter;
    private readonly ITimer _sweeper;
    private readonly ConcurrentDictionary<string, ObserverSubscription> _subscriptions = new(StringComparer.Ordinal);
    private long _cutOff;
    private int _count;

    public ObserverRegistry(
        IPresenceNode node,
        TopicChangePumps pumps,
        EndedIds ended,
        IOptions<PresenceOrleansOptions> options,
        TimeProvider time,
        IMeterFactory? meters = null)
    {
        (_node, _pumps, _ended, _options, _time) = (node, pumps, ended, options.Value, time);
        _meter = PresenceTelemetry.CreateMeter(meters, PresenceTelemetry.GrainsMeterName);
        _meter.CreateObservableGauge("presence.observers", () => Count, "{observer}", "Observers of this silo");
        _meter.CreateObservableCounter(
            "presence.observers.cut_off", () => CutOff, "{observer}", "Observers that were slow or failed");
        var period = Duration / 10;
        using (ExecutionContext.SuppressFlow())
        {
            _sweeper = time.CreateTimer(static registry => ((ObserverRegistry)registry!).Sweep(), this, period, period);
        }
    }

    public TimeSpan Duration => _options.LeaseDuration;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Gets the number of observers that were cut off: slow, unreachable or failing.</summary>
    public long CutOff => Volatile.Read(ref _cutOff);

    /// <summary>
    /// Subscribes an observer, which receives exactly the changes after the snapshot. Returns with it what the holder
    /// of the cursor has missed, if that is known. An earlier subscription with the same id ends.
    /// </summary>
    /// <exception cref="ArgumentException">The id is empty or too long.</exception>
    /// <exception cref="InvalidOperationException">It was ended before; see <see cref="Prevent"/>.</exception>
    /// <exception cref="PresenceOverloadException">This silo has reached <c>MaxObservers</c> subscriptions.</exception>
    public (TopicSnapshot Snapshot, KnownReplica[] Known, IReadOnlyList<PresenceChange>? Missed) Add(
        string id, string topic, IPresenceObserver observer, string? cursor) =>
        Add(id, topic, observer, subscription => _pumps.Attach(subscription, cursor));

    /// <summary>Subscribes an observer to a view, which has been checked, as the other does to a topic.</summary>
    /// <inheritdoc cref="Add(string, string, IPresenceObserver, string)" path="/exception"/>
    /// <exception cref="PresenceOverloadException">The topic has too many different views.</exception>
    public (TopicSnapshot Snapshot, KnownReplica[] Known) Add(
        string id, string topic, IPresenceObserver observer, PresenceView view) =>
        Add(id, topic, observer, subscription => _pumps.Attach(subscription, view));

    private T Add<T>(string id, string topic, IPresenceObserver observer, Func<ObserverSubscription, T> attach)
    {
        LeaseRegistry.RequireId(id, "subscription");
        Remove(id);
        if (Interlocked.Increment(ref _count) > _options.MaxObservers)
        {
            Interlocked.Decrement(ref _count);
            throw new PresenceOverloadException(
                $"Silo {_node.Name} has the maximum of {_options.MaxObservers} subscriptions "
                + "(Presence:Orleans:MaxObservers).");
        }

        var subscription = new ObserverSubscription(
            id,
            topic,
            observer,
            _options.ObserverQueueCapacity,
            _options.ObserverTimeout,
            _time,
            OnCutOff);
        if (!_subscriptions.TryAdd(id, subscription))
        {
            // Two calls with one id at the same moment: the other one won.
            Interlocked.Decrement(ref _count);
            throw new ArgumentException($"Subscription '{id}' is being made by another call.", nameof(id));
        }

        T attached;
        try
        {
            attached = attach(subscription);
        }
        catch
        {
            Remove(id);
            throw;
        }

        if (_ended.Contains(id))
        {
            // If it was ended before it was attached, its removal has detached nothing.
            Remove(id);
            _pumps.Detach(subscription);
            throw new InvalidOperationException($"Subscription {id} was ended before it began.");
        }

        return attached;
    }

    /// <summary>Renews a subscription; returns false if it has ended.</summary>
    public bool Renew(string id) =>
        _subscriptions.TryGetValue(id, out var subscription) && subscription.TryRenew(Duration);

    /// <summary>Ends a subscription; returns false if it had already ended.</summary>
    public bool Remove(string id)
    {
        if (!_subscriptions.TryRemove(id, out var subscription))
        {
            return false;
        }

        Interlocked.Decrement(ref _count);
        subscription.End();
        _pumps.Detach(subscription);
        return true;
    }

    /// <summary>
    /// Ends a subscription, also one that begins within a minute; returns false if there is none now.
    /// </summary>
    public bool Prevent(string id)
    {
        _ended.Add(id);
        return Remove(id);
    }

    public void Dispose()
    {
        _meter.Dispose();
        _sweeper.Dispose();
        foreach (var id in _subscriptions.Keys)
        {
            Remove(id);
        }
    }

    private void OnCutOff(ObserverSubscription subscription)
    {
        if (Remove(subscription.Id))
        {
            Interlocked.Increment(ref _cutOff);
        }
    }

    private void Sweep()
    {
        foreach (var subscription in _subscriptions.Values)
        {
            if (subscription.IsOverdue(Duration))
            {
                Remove(subscription.Id);
            }
        }
    }
}
