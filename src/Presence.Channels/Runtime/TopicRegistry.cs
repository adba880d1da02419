using Presence.Channels.Transport;
using Presence.Channels.Wire;
using Presence.Node;

namespace Presence.Channels.Runtime;

/// <summary>The channels of this node by topic, with one pub/sub subscription per topic.</summary>
internal sealed class TopicRegistry(ChannelServer server)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, TopicSubscribers> _topics = new(StringComparer.Ordinal);

    /// <summary>
    /// Adds the channel and sends it <paramref name="first"/> before any broadcast: a client gets all broadcasts after
    /// the answer to its join, and none before.
    /// </summary>
    public TopicSubscribers Add(string topic, ChannelActor actor, OutFrame first)
    {
        lock (_gate)
        {
            if (!_topics.TryGetValue(topic, out var subscribers))
            {
                subscribers = new TopicSubscribers(server, topic);
                _topics.Add(topic, subscribers);
                subscribers.Subscription = server.Node.PubSub.Subscribe(topic, subscribers.Deliver);
            }

            subscribers.Add(actor, first);
            return subscribers;
        }
    }

    public void Remove(TopicSubscribers subscribers, ChannelActor actor)
    {
        lock (_gate)
        {
            if (subscribers.Remove(actor))
            {
                _topics.Remove(subscribers.Topic);
                subscribers.Subscription?.Dispose();
            }
        }
    }
}

/// <summary>The channels of this node in one topic.</summary>
internal sealed class TopicSubscribers(ChannelServer server, string topic)
{
    private readonly Lock _gate = new();
    private readonly List<ChannelActor> _channels = new(1);

    public string Topic => topic;
    public IDisposable? Subscription { get; set; }

    /// <summary>Gets about how many channels there are.</summary>
    public int Count => _channels.Count;

    /// <summary>Gets the backlog of a client at the last broadcast; null if none had one.</summary>
    public Backlog? Backlog { get; private set; }

    public void Add(ChannelActor actor, OutFrame first)
    {
        lock (_gate)
        {
            actor.Connection.Send(first);
            actor.TopicIndex = _channels.Count;
            _channels.Add(actor);
        }
    }

    /// <returns>True if it was the last channel.</returns>
    public bool Remove(ChannelActor actor)
    {
        lock (_gate)
        {
            // The last channel moves to the index of the removed one: no search, whatever the number.
            var last = _channels[^1];
            _channels[actor.TopicIndex] = last;
            last.TopicIndex = actor.TopicIndex;
            _channels.RemoveAt(_channels.Count - 1);
            return _channels.Count == 0;
        }
    }

    /// <summary>Delivers messages in order; the lock keeps the order on every socket.</summary>
    public void Deliver(PubSubMessage message)
    {
        var payload = message.IsBinary ? ChannelPayload.Binary(message.Body) : ChannelPayload.Trusted(message.Body);
        var encoded = new EncodedBroadcast(topic, message.Event, payload);
        Backlog? backlog = null;
        lock (_gate)
        {
            foreach (var channel in _channels)
            {
                if (message.Sender is null || !ReferenceEquals(message.Sender, channel))
                {
                    channel.Deliver(encoded);
                    backlog = channel.Connection.Backlog ?? backlog;
                }
            }
        }

        Backlog = backlog;
        server.Instruments.BroadcastDelivered();
    }
}
