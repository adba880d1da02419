using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Options;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>The observers that subscribed through this silo. Those of one topic share its <see cref="TopicFeed"/>.</summary>
internal sealed class ObserverTable : IDisposable
{
    private readonly IPresenceNode _node;
    private readonly TopicFeeds _feeds;
    private readonly PresenceOrleansOptions _options;
    private readonly TimeProvider _time;
    private readonly ITimer _sweeper;
    private readonly ConcurrentDictionary<string, ObserverSubscription> _subscriptions = new(StringComparer.Ordinal);
    private long _lastId;
    private long _cutOff;
    private int _count;

    public ObserverTable(IPresenceNode node, TopicFeeds feeds, IOptions<PresenceOrleansOptions> options, TimeProvider time)
    {
        (_node, _feeds, _options, _time) = (node, feeds, options.Value, time);
        var period = Duration / 10;
        using (ExecutionContext.SuppressFlow())
        {
            _sweeper = time.CreateTimer(static table => ((ObserverTable)table!).Sweep(), this, period, period);
        }
    }

    public TimeSpan Duration => _options.LeaseDuration;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Observers that were cut off because they were slow, dead or failing.</summary>
    public long CutOff => Volatile.Read(ref _cutOff);

    /// <summary>Subscribes an observer; it gets exactly the changes after the snapshot.</summary>
    /// <exception cref="PresenceOverloadException">This silo keeps as many subscriptions as it may.</exception>
    public (string Id, TopicSnapshot Snapshot, KnownReplica[] Known) Add(string topic, IPresenceObserver observer)
    {
        if (Interlocked.Increment(ref _count) > _options.MaxObservers)
        {
            Interlocked.Decrement(ref _count);
            throw new PresenceOverloadException(
                $"Silo {_node.Name} keeps {_options.MaxObservers} subscriptions (Presence:Orleans:MaxObservers) and takes no more.");
        }

        var subscription = new ObserverSubscription(
            Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture),
            topic,
            observer,
            _options.ObserverBacklog,
            _options.ObserverTimeout,
            _time,
            OnCutOff);
        _subscriptions[subscription.Id] = subscription;
        var (snapshot, known) = _feeds.Attach(subscription);
        return (subscription.Id, snapshot, known);
    }

    /// <summary>Returns false if the subscription has ended.</summary>
    public bool Renew(string id) =>
        _subscriptions.TryGetValue(id, out var subscription) && subscription.TryRenew(Duration);

    /// <summary>Returns false if the subscription had ended before.</summary>
    public bool Remove(string id)
    {
        if (!_subscriptions.TryRemove(id, out var subscription))
        {
            return false;
        }

        Interlocked.Decrement(ref _count);
        subscription.End();
        _feeds.Detach(subscription);
        return true;
    }

    public void Dispose()
    {
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
