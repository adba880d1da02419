using Presence.Channels.Presences;
using Presence.Channels.Wire;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Channels.Runtime;

/// <summary>Resources that end with the channel: its presence session, feed, timers and subscriptions.</summary>
internal sealed partial class ChannelActor
{
    private readonly Lock _resourcesGate = new();
    private HashSet<IDisposable>? _resources;
    private PresenceSession? _presenceSession;
    private string? _pushedTopic;
    private PresenceFeed? _feed;

    public Channel Channel => _channel;

    public IDisposable SendAfter(object message, TimeSpan after)
    {
        ArgumentNullException.ThrowIfNull(message);
        var timer = new ChannelTimer(this, message);
        if (!Own(timer))
        {
            return timer;
        }

        timer.Start(Server.Time, after);
        return timer;
    }

    public void Subscribe(string topic)
    {
        var subscription = Server.Node.PubSub.Subscribe(topic, message => PostInfo(message));
        if (!Own(subscription))
        {
            subscription.Dispose();
        }
    }

    /// <summary>Sends the presences of the topic, after the join.</summary>
    /// <exception cref="CountsOnlyTopicException">Members of a counts-only topic are requested.</exception>
    public void PushPresence(string topic, bool alwaysMembers)
    {
        if (alwaysMembers && Server.Node.Tracker.AdaptiveOf(topic) is { IsCountsOnly: true })
        {
            throw new CountsOnlyTopicException(topic);
        }

        lock (_resourcesGate)
        {
            if (_pushedTopic is not null)
            {
                return;
            }

            (_pushedTopic, AlwaysMembers) = (topic, alwaysMembers);
        }

        if (_afterJoinDone)
        {
            StartPresence();
        }
    }

    public void SendShared(string name, SharedPayload payload)
    {
        if (!IsDetached)
        {
            Connection.Send(Connection.Serializer.PushShared(JoinRef, Topic, name, payload));
        }
    }

    /// <summary>
    /// Sends a diff with the reference of this join if the version has one: otherwise a client that leaves and joins
    /// again would apply a diff of the old join to its new state, and show users for ever who have left.
    /// </summary>
    public void DeliverDiff(EncodedBroadcast diff, SharedPayload payload)
    {
        if (MarksDiffs)
        {
            SendShared(diff.Event, payload);
        }
        else
        {
            Deliver(diff);
        }
    }

    /// <summary>Gets whether diffs carry the reference of this join.</summary>
    private bool MarksDiffs => !JoinRef.IsNull && Connection.Serializer != FrameSerializers.V1
        && !_intercepted.Contains(PhoenixEvents.PresenceDiff);

    private void StartPresence()
    {
        if (_pushedTopic is not { } topic)
        {
            return;
        }

        try
        {
            Show(topic);
        }
        catch (Exception e)
            when (e is PresenceViewException or PresenceOverloadException or CountsOnlyTopicException)
        {
            Push(PhoenixEvents.PresenceView, PhoenixReasons.Because(e.Message));
        }
    }

    /// <exception cref="PresenceViewException">The view cannot be used for the topic.</exception>
    /// <exception cref="PresenceOverloadException">The topic has too many views.</exception>
    private void Show(string topic, Action? accepted = null)
    {
        var feed = Server.Feeds.Add(topic, _view, this, accepted);
        lock (_resourcesGate)
        {
            if (!IsDetached)
            {
                _feed = feed;
                return;
            }
        }

        Server.Feeds.Remove(feed, this);
    }

    private bool Own(IDisposable resource)
    {
        lock (_resourcesGate)
        {
            return !IsDetached && (_resources ??= new(ReferenceEqualityComparer.Instance)).Add(resource);
        }
    }

    private void Drop(IDisposable resource)
    {
        lock (_resourcesGate)
        {
            _resources?.Remove(resource);
        }
    }

    private void ReleaseResources(bool keepsSession)
    {
        HashSet<IDisposable>? resources;
        PresenceSession? session;
        PresenceFeed? feed;
        lock (_resourcesGate)
        {
            (resources, _resources) = (_resources, null);
            session = _presenceSession;
            (feed, _feed) = (_feed, null);
        }

        if (feed is not null)
        {
            Server.Feeds.Remove(feed, this);
        }

        foreach (var resource in resources ?? [])
        {
            resource.Dispose();
        }

        if (session is not null)
        {
            ReleaseSession(session, keepsSession);
        }
    }

    private sealed class ChannelTimer(ChannelActor actor, object message) : IDisposable
    {
        private ITimer? _timer;
        private int _done;

        public void Start(TimeProvider time, TimeSpan after)
        {
            _timer = time.CreateTimer(
                static timer => ((ChannelTimer)timer!).Fire(), this, after, Timeout.InfiniteTimeSpan);
            if (Volatile.Read(ref _done) != 0)
            {
                _timer.Dispose();
            }
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _done, 1) == 0)
            {
                actor.Drop(this);
                Volatile.Read(ref _timer)?.Dispose();
            }
        }

        private void Fire()
        {
            if (Volatile.Read(ref _done) == 0)
            {
                Dispose();
                actor.PostInfo(message);
            }
        }
    }
}
