using Presence.Node;

namespace Presence.Channels;

/// <summary>What ends with the channel: its process with its presences, its view of a topic, its timers, its subscriptions.</summary>
internal sealed partial class ChannelActor
{
    private readonly Lock _belongingsGate = new();
    private HashSet<IDisposable>? _belongings;
    private PresenceProcess? _process;
    private string? _shownTopic;
    private PresenceFeed? _feed;

    /// <summary>The application's part.</summary>
    public Channel Channel => _channel;

    /// <summary>The owner of this channel's presences, made when it is first needed.</summary>
    public PresenceProcess Process
    {
        get
        {
            lock (_belongingsGate)
            {
                if (_process is null)
                {
                    _process = Server.Node.StartProcess("channel " + Topic);
                    if (IsDetached)
                    {
                        _process.End();
                    }
                }

                return _process;
            }
        }
    }

    public IDisposable SendAfter(object message, TimeSpan after)
    {
        ArgumentNullException.ThrowIfNull(message);
        var timer = new ChannelTimer(this, message);
        if (!Keep(timer))
        {
            return timer;
        }

        timer.Start(Server.Time, after);
        return timer;
    }

    public void Subscribe(string topic)
    {
        var subscription = Server.Node.PubSub.Subscribe(topic, message => PostInfo(message));
        if (!Keep(subscription))
        {
            subscription.Dispose();
        }
    }

    /// <summary>Shows the topic once the client is in.</summary>
    public void ShowPresence(string topic)
    {
        lock (_belongingsGate)
        {
            if (_shownTopic is not null)
            {
                return;
            }

            _shownTopic = topic;
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
            Session.Send(Session.Serializer.PushShared(JoinRef, Topic, name, payload));
        }
    }

    /// <summary>
    /// A change of the shown topic, named after this join where the version can: a client that leaves and joins again would
    /// take what is still on its way for a change after its new state, and show for ever who had left meanwhile.
    /// </summary>
    public void DeliverDiff(EncodedBroadcast diff, SharedPayload payload)
    {
        if (JoinRef is null || Session.Serializer == FrameSerializers.V1 || _intercepted.Contains(diff.Event))
        {
            Deliver(diff);
        }
        else
        {
            SendShared(diff.Event, payload);
        }
    }

    private void StartPresence()
    {
        if (_shownTopic is not { } topic)
        {
            return;
        }

        var feed = Server.Feeds.Add(topic, this);
        lock (_belongingsGate)
        {
            if (!IsDetached)
            {
                _feed = feed;
                return;
            }
        }

        Server.Feeds.Remove(feed, this);
    }

    private bool Keep(IDisposable belonging)
    {
        lock (_belongingsGate)
        {
            return !IsDetached && (_belongings ??= new(ReferenceEqualityComparer.Instance)).Add(belonging);
        }
    }

    private void Drop(IDisposable belonging)
    {
        lock (_belongingsGate)
        {
            _belongings?.Remove(belonging);
        }
    }

    private void ReleaseBelongings()
    {
        HashSet<IDisposable>? belongings;
        PresenceProcess? process;
        PresenceFeed? feed;
        lock (_belongingsGate)
        {
            (belongings, _belongings) = (_belongings, null);
            process = _process;
            (feed, _feed) = (_feed, null);
        }

        if (feed is not null)
        {
            Server.Feeds.Remove(feed, this);
        }

        foreach (var belonging in belongings ?? [])
        {
            belonging.Dispose();
        }

        // A member that stops says farewell for all its presences at once; ending them one by one would be a storm.
        if (!Server.IsLeaving)
        {
            process?.End();
        }
    }

    /// <summary>One message that comes later.</summary>
    private sealed class ChannelTimer(ChannelActor actor, object message) : IDisposable
    {
        private ITimer? _timer;
        private int _done;

        public void Start(TimeProvider time, TimeSpan after)
        {
            _timer = time.CreateTimer(static self => ((ChannelTimer)self!).Fire(), this, after, Timeout.InfiniteTimeSpan);
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
