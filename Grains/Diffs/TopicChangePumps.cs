using Microsoft.Extensions.Options;
using Orleans.Runtime;
using Presence.Grains.Topics;
using Presence.Node;
using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.Grains.Diffs;

/// <summary>This silo's pumps: one for each topic with an observer or the publisher here.</summary>
internal sealed class TopicChangePumps(
    IPresenceNode node,
    ReplicaClocks clocks,
    ILocalSiloDetails silo,
    IGrainFactory grains,
    IOptions<PresenceOrleansOptions> options)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, TopicChangePump> _pumps = new(StringComparer.Ordinal);
    private readonly string _silo = silo.SiloAddress.ToParsableString();
    private bool _keepsHistory;

    /// <summary>Called with the topic when a pump with a publisher has failed.</summary>
    public Action<string>? PublisherFailed { get; set; }

    /// <summary>Gets the number of topics with a pump.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _pumps.Count;
            }
        }
    }

    /// <summary>
    /// Adds an observer, which receives exactly the changes after the snapshot. Returns with it what the holder of the
    /// cursor has missed, if that is known.
    /// </summary>
    public (TopicSnapshot Snapshot, KnownReplica[] Known, IReadOnlyList<PresenceChange>? Missed) Attach(
        ObserverSubscription observer, string? cursor)
    {
        TopicChangePump pump;
        TopicSnapshotView view;
        KnownReplica[] known;
        lock (_gate)
        {
            pump = PumpOf(observer.Topic);
            view = pump.Attach(observer);
            known = clocks.Known(view.Known);
        }

        return (view.Snapshot, known, pump.Missed(cursor, view));
    }

    /// <summary>
    /// Adds an observer of a view, which receives exactly the changes of the view after the snapshot. The observers of
    /// equal views share the node's view, not a pump.
    /// </summary>
    /// <exception cref="PresenceOverloadException">The topic has too many different views.</exception>
    public (TopicSnapshot Snapshot, KnownReplica[] Known) Attach(ObserverSubscription observer, PresenceView view)
    {
        var subscription = node.Tracker.Subscribe(observer.Topic, view, diff => observer.PostAndSend(
            new TopicChanges(observer.Topic, node.Name, Sequence: 0, IsReset: false, diff.Changes, _silo)));
        observer.Own(subscription);
        return (subscription.Snapshot, clocks.Known(subscription.View.Known));
    }

    public void Detach(ObserverSubscription observer)
    {
        lock (_gate)
        {
            if (_pumps.TryGetValue(observer.Topic, out var pump))
            {
                pump.Detach(observer);
                EndIfUnused(pump);
            }
        }
    }

    /// <summary>Returns the publisher of a topic; null if this silo does not publish it.</summary>
    public TopicPublisher? PublisherOf(string topic) => Find(topic)?.Publisher;

    /// <summary>Starts to publish a topic; returns false if it is already published.</summary>
    public bool Publish(string topic, Func<TopicChangePump, TopicPublisher> create)
    {
        lock (_gate)
        {
            var pump = PumpOf(topic);
            if (pump.Publisher is not null)
            {
                return false;
            }

            pump.Attach(create(pump));
            return true;
        }
    }

    public void StopPublishing(string topic)
    {
        lock (_gate)
        {
            if (_pumps.TryGetValue(topic, out var pump))
            {
                pump.DetachPublisher();
                EndIfUnused(pump);
            }
        }
    }

    /// <summary>Returns the topics that this silo publishes.</summary>
    public IReadOnlyList<string> Published()
    {
        lock (_gate)
        {
            return [.. _pumps.Values.Where(f => f.Publisher is not null).Select(f => f.Topic)];
        }
    }

    /// <summary>Returns the pump of a topic; null if nobody follows it here.</summary>
    public TopicChangePump? Find(string topic)
    {
        lock (_gate)
        {
            return _pumps.GetValueOrDefault(topic);
        }
    }

    private TopicChangePump PumpOf(string topic)
    {
        if (!_pumps.TryGetValue(topic, out var pump))
        {
            if (!_keepsHistory)
            {
                _keepsHistory = true;
                node.Tracker.KeepHistory();
            }

            pump = new TopicChangePump(
                node,
                topic,
                _silo,
                options.Value.ObserverQueueCapacity,
                grains.GetGrain<IHandleDiffGrain>(topic),
                OnFailed);
            _pumps.Add(topic, pump);
        }

        return pump;
    }

    private void EndIfUnused(TopicChangePump pump)
    {
        if (pump.Followers == 0 && _pumps.Remove(pump.Topic, out _))
        {
            pump.End();
        }
    }

    // Called under the shard's lock, so the work runs elsewhere.
    private void OnFailed(TopicChangePump pump)
    {
        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(() => Abandon(pump));
        }
    }

    private void Abandon(TopicChangePump pump)
    {
        lock (_gate)
        {
            if (_pumps.TryGetValue(pump.Topic, out var current) && ReferenceEquals(current, pump))
            {
                _pumps.Remove(pump.Topic);
            }
        }

        var publishes = pump.Publisher is not null;
        pump.End();
        foreach (var observer in pump.Observers())
        {
            observer.CutOff();
        }

        if (publishes)
        {
            PublisherFailed?.Invoke(pump.Topic);
        }
    }
}
