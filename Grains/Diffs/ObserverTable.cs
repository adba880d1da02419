using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>The observers subscribed through this silo, each with a feed of its own.</summary>
internal sealed class ObserverTable : IDisposable
{
    private readonly IPresenceNode _node;
    private readonly PresenceOrleansOptions _options;
    private readonly TimeProvider _time;
    private readonly string _silo;
    private readonly ITimer _sweeper;
    private readonly ConcurrentDictionary<string, Subscription> _subscriptions = new(StringComparer.Ordinal);
    private long _lastId;
    private long _cutOff;

    public ObserverTable(
        IPresenceNode node,
        ILocalSiloDetails silo,
        IOptions<PresenceOrleansOptions> options,
        TimeProvider time)
    {
        _silo = silo.SiloAddress.ToParsableString();
        _node = node;
        _options = options.Value;
        _time = time;
        var period = Duration / 10;
        using (ExecutionContext.SuppressFlow())
        {
            _sweeper = time.CreateTimer(static table => ((ObserverTable)table!).Sweep(), this, period, period);
        }
    }

    public TimeSpan Duration => _options.LeaseDuration;

    public int Count => _subscriptions.Count;

    /// <summary>Observers that were cut off because they were slow, dead or failing.</summary>
    public long CutOff => Volatile.Read(ref _cutOff);

    /// <exception cref="PresenceOverloadException">This silo keeps as many subscriptions as it may.</exception>
    public (string Id, TopicSnapshot Snapshot) Add(string topic, IPresenceObserver observer)
    {
        if (_subscriptions.Count >= _options.MaxObservers)
        {
            throw new PresenceOverloadException(
                $"Silo {_node.Name} keeps {_options.MaxObservers} subscriptions (Presence:Orleans:MaxObservers) and takes no more.");
        }

        var id = Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);
        var target = new FeedTarget(
            observer.Changed,
            () => CutOffObserver(id),
            _options.ObserverBacklog,
            _options.ObserverTimeout,
            _silo,
            Term: 0);
        var subscription = new Subscription(new TopicFeed(_node, topic, target, _time), _time.GetTimestamp());
        _subscriptions[id] = subscription;
        return (id, subscription.Feed.Start(reach: null));
    }

    /// <summary>False if it is over.</summary>
    public bool Renew(string id)
    {
        if (!_subscriptions.TryGetValue(id, out var subscription) || subscription.Feed.IsOver || IsOverdue(subscription))
        {
            return false;
        }

        subscription.Renewed = _time.GetTimestamp();
        return true;
    }

    /// <summary>False if it was over already.</summary>
    public bool Remove(string id)
    {
        if (!_subscriptions.TryRemove(id, out var subscription))
        {
            return false;
        }

        subscription.Feed.Dispose();
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

    private bool IsOverdue(Subscription subscription) => _time.GetElapsedTime(subscription.Renewed) >= Duration;

    private void CutOffObserver(string id)
    {
        if (Remove(id))
        {
            Interlocked.Increment(ref _cutOff);
        }
    }

    private void Sweep()
    {
        foreach (var (id, subscription) in _subscriptions)
        {
            if (IsOverdue(subscription))
            {
                Remove(id);
            }
        }
    }

    private sealed class Subscription(TopicFeed feed, long renewed)
    {
        private long _renewed = renewed;

        public TopicFeed Feed { get; } = feed;

        public long Renewed
        {
            get => Volatile.Read(ref _renewed);
            set => Volatile.Write(ref _renewed, value);
        }
    }
}
