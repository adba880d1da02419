using Microsoft.Extensions.Options;
using Orleans.Runtime;
using Presence.Grains.Topics;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>The feeds of this silo: one for each topic that an observer follows here, or whose stream this silo publishes.</summary>
internal sealed class TopicFeeds(
    IPresenceNode node,
    ReplicaClocks clocks,
    ILocalSiloDetails silo,
    IGrainFactory grains,
    IOptions<PresenceOrleansOptions> options)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, TopicFeed> _feeds = new(StringComparer.Ordinal);
    private readonly string _silo = silo.SiloAddress.ToParsableString();

    /// <summary>Called when a feed that had a publisher has failed, with its topic.</summary>
    public Action<string>? PublisherFailed { get; set; }

    /// <summary>Topics that somebody follows here.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _feeds.Count;
            }
        }
    }

    /// <summary>Adds an observer. It gets exactly the changes after the snapshot.</summary>
    public (TopicSnapshot Snapshot, KnownReplica[] Known) Attach(ObserverSubscription observer)
    {
        lock (_gate)
        {
            var view = FeedOf(observer.Topic).Attach(observer);
            return (view.Snapshot, clocks.Known(view.Known));
        }
    }

    public void Detach(ObserverSubscription observer)
    {
        lock (_gate)
        {
            if (_feeds.TryGetValue(observer.Topic, out var feed))
            {
                feed.Detach(observer);
                EndIfUnfollowed(feed);
            }
        }
    }

    /// <summary>Returns the publisher of a topic; null if this silo does not publish it.</summary>
    public TopicPublisher? PublisherOf(string topic)
    {
        lock (_gate)
        {
            return _feeds.GetValueOrDefault(topic)?.Publisher;
        }
    }

    /// <summary>Begins to publish a topic; false if it is published already.</summary>
    public bool Publish(string topic, Func<TopicFeed, TopicPublisher> create)
    {
        lock (_gate)
        {
            var feed = FeedOf(topic);
            if (feed.Publisher is not null)
            {
                return false;
            }

            feed.Attach(create(feed));
            return true;
        }
    }

    public void StopPublishing(string topic)
    {
        lock (_gate)
        {
            if (_feeds.TryGetValue(topic, out var feed))
            {
                feed.DetachPublisher();
                EndIfUnfollowed(feed);
            }
        }
    }

    /// <summary>Returns the topics that this silo publishes.</summary>
    public IReadOnlyList<string> Published()
    {
        lock (_gate)
        {
            return [.. _feeds.Values.Where(f => f.Publisher is not null).Select(f => f.Topic)];
        }
    }

    /// <summary>Hands a batch to the followers of its topic.</summary>
    public void Deliver(TopicChanges changes)
    {
        TopicFeed? feed;
        lock (_gate)
        {
            feed = _feeds.GetValueOrDefault(changes.Topic);
        }

        feed?.Deliver(changes);
    }

    private TopicFeed FeedOf(string topic)
    {
        if (!_feeds.TryGetValue(topic, out var feed))
        {
            feed = new TopicFeed(
                node, topic, _silo, options.Value.ObserverBacklog, grains.GetGrain<IHandleDiffGrain>(topic).HandleDiff, OnFailed);
            _feeds.Add(topic, feed);
        }

        return feed;
    }

    private void EndIfUnfollowed(TopicFeed feed)
    {
        if (feed.Followers == 0 && _feeds.Remove(feed.Topic, out _))
        {
            feed.End();
        }
    }

    // Called inside the shard: the rest happens elsewhere.
    private void OnFailed(TopicFeed feed)
    {
        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(() => Abandon(feed));
        }
    }

    private void Abandon(TopicFeed feed)
    {
        lock (_gate)
        {
            if (_feeds.TryGetValue(feed.Topic, out var current) && ReferenceEquals(current, feed))
            {
                _feeds.Remove(feed.Topic);
            }
        }

        var publishes = feed.Publisher is not null;
        feed.End();
        foreach (var observer in feed.Observers())
        {
            observer.CutOff();
        }

        if (publishes)
        {
            PublisherFailed?.Invoke(feed.Topic);
        }
    }
}
