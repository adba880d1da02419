using Microsoft.Extensions.Logging;
using Presence.Node.Handlers;
using Presence.Node.Hosting;
using Presence.Node.Shards;
using Presence.Tracker;
using Presence.Tracker.Shard;
using Presence.Tracker.Views;

namespace Presence.Node.Views;

/// <summary>The views of the topics of one tracker that have subscribers on this node.</summary>
/// <remarks>
/// A topic with views has one subscription of its own. Its diffs are projected to each different view under the lock of
/// the topic; the subscribers are called after that, with no lock held, one diff at a time. The subscription and the
/// indexes of the topic stay for <see cref="Linger"/> after the last view, so that a client that opens and closes views
/// does not make the node read the topic each time.
/// </remarks>
internal sealed class TrackerViews(
    IPresenceTracker tracker, TrackerOptions options, TimeProvider time, NodeInstruments instruments, ILogger log)
{
    /// <summary>Time for which a topic without views is followed.</summary>
    public static readonly TimeSpan Linger = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Group> _topics = new(StringComparer.Ordinal);

    /// <summary>Gets the number of topics that are followed.</summary>
    public int Topics
    {
        get
        {
            lock (_gate)
            {
                return _topics.Count;
            }
        }
    }

    private IPresenceTracker Tracker => tracker;

    private NodeInstruments Instruments => instruments;

    private ILogger Log => log;

    /// <exception cref="PresenceViewException">The view is malformed, or uses a field that is not declared.</exception>
    /// <exception cref="PresenceOverloadException">The topic has too many different views.</exception>
    public TopicSubscription Subscribe(string topic, PresenceView view, Action<TopicDiff> onDiff)
    {
        options.Check(view, topic);
        Group? group;
        lock (_gate)
        {
            if (!_topics.TryGetValue(topic, out group))
            {
                _topics.Add(topic, group = new Group(this, topic));
            }

            group.Users++;
        }

        var subscriber = new DiffSubscriber(onDiff);
        try
        {
            return group.Add(view, subscriber, options.MaxViewsPerTopic);
        }
        catch
        {
            Release(group);
            throw;
        }
    }

    private void Remove(Group group, PresenceView view, DiffSubscriber subscriber)
    {
        subscriber.IsRemoved = true;
        group.Remove(view, subscriber);
        Release(group);
    }

    private void Release(Group group)
    {
        lock (_gate)
        {
            if (--group.Users > 0)
            {
                return;
            }

            group.IdleSince = time.GetTimestamp();
            if (group.Ending is null)
            {
                using var _ = ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow();
                group.Ending = time.CreateTimer(
                    static g => ((Group)g!).EndIfIdle(), group, Linger, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void EndIfIdle(Group group)
    {
        lock (_gate)
        {
            group.Ending?.Dispose();
            group.Ending = null;
            var rest = Linger - time.GetElapsedTime(group.IdleSince);
            if (group.Users > 0)
            {
                return;
            }

            if (rest > TimeSpan.Zero)
            {
                group.Ending = time.CreateTimer(
                    static g => ((Group)g!).EndIfIdle(), group, rest, Timeout.InfiniteTimeSpan);
                return;
            }

            _topics.Remove(group.Topic);
        }

        group.Dispose();
    }

    /// <summary>The views of one topic.</summary>
    private sealed class Group : IDisposable
    {
        private readonly Lock _gate = new();
        private readonly TrackerViews _owner;
        private readonly TopicSubscription _subscription;
        private readonly TopicViews<DiffSubscriber> _views;
        private VersionVector _known;
        private long _version;

        public Group(TrackerViews owner, string topic)
        {
            (_owner, Topic) = (owner, topic);
            lock (_gate)
            {
                // A diff that comes now waits for the lock.
                _subscription = owner.Tracker.Subscribe(topic, OnDiff);
                _views = new TopicViews<DiffSubscriber>(_subscription.Snapshot);
                (_version, _known) = (_subscription.Version, _subscription.View.Known);
            }
        }

        public string Topic { get; }

        /// <summary>Gets or sets the number of subscribers. Guarded by the owner's lock, as the next two.</summary>
        public int Users { get; set; }

        public long IdleSince { get; set; }

        public ITimer? Ending { get; set; }

        public void EndIfIdle() => _owner.EndIfIdle(this);

        public void Dispose() => _subscription.Dispose();

        public TopicSubscription Add(PresenceView view, DiffSubscriber subscriber, int maxViews)
        {
            // With the same snapshot no change is in flight, so the views contain what the newer clocks count.
            var now = _owner.Tracker.ViewOf(Topic);
            lock (_gate)
            {
                _known = now.Snapshot.IsSame(_views.Current) ? now.Known : _known;
                var isNew = !_views.Has(view);
                if (isNew && _views.Count >= maxViews)
                {
                    throw new PresenceOverloadException(
                        $"Topic '{Topic}' has {maxViews} different views on this node, the most that are allowed "
                        + "(Presence:Tracker:MaxViewsPerTopic).");
                }

                var snapshot = _views.Add(view, subscriber);
                _owner.Instruments.ViewsChanged(isNew ? 1 : 0);
                return new TopicSubscription(
                    new TopicSnapshotView(_known, snapshot),
                    _version,
                    () => _owner.Remove(this, view, subscriber));
            }
        }

        public void Remove(PresenceView view, DiffSubscriber subscriber)
        {
            lock (_gate)
            {
                _views.Remove(view, subscriber);
                _owner.Instruments.ViewsChanged(_views.Has(view) ? 0 : -1);
            }
        }

        private void OnDiff(TopicDiff diff)
        {
            var calls = new List<(DiffSubscriber[] Subscribers, TopicDiff Diff)>();
            lock (_gate)
            {
                (_version, _known) = (diff.Version, diff.View!.Known);
                _views.Apply(diff.Changes, diff.View.Snapshot, (subscribers, changes, after) => calls.Add((
                    subscribers,
                    new TopicDiff(Topic, changes)
                    {
                        Version = diff.Version,
                        View = new TopicSnapshotView(VersionVector.Empty, after),
                    })));
            }

            foreach (var (subscribers, ofView) in calls)
            {
                foreach (var subscriber in subscribers)
                {
                    if (!subscriber.IsRemoved)
                    {
                        subscriber.OnDiff.Call(ofView, _owner.Instruments, _owner.Log);
                    }
                }
            }
        }
    }
}
