using Presence.Node;

namespace Presence.Channels;

/// <summary>The channels of this member by topic: one pub/sub subscription per topic, however many clients joined it.</summary>
internal sealed class TopicTable(ChannelServer server)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, JoinedTopic> _topics = new(StringComparer.Ordinal);

    /// <summary>
    /// Adds the channel and, before any broadcast can reach it, sends it <paramref name="first"/>: a client hears
    /// everything after its answer, and nothing before.
    /// </summary>
    public JoinedTopic Add(string topic, ChannelActor actor, OutFrame first)
    {
        lock (_gate)
        {
            if (!_topics.TryGetValue(topic, out var joined))
            {
                joined = new JoinedTopic(server, topic);
                _topics.Add(topic, joined);
                joined.Subscription = server.Node.PubSub.Subscribe(topic, joined.Deliver);
            }

            joined.Add(actor, first);
            return joined;
        }
    }

    public void Remove(JoinedTopic joined, ChannelActor actor)
    {
        lock (_gate)
        {
            if (joined.Remove(actor))
            {
                _topics.Remove(joined.Topic);
                joined.Subscription?.Dispose();
            }
        }
    }
}

/// <summary>The channels of this member in one topic.</summary>
internal sealed class JoinedTopic(ChannelServer server, string topic)
{
    private readonly Lock _gate = new();
    private readonly List<ChannelActor> _channels = new(1);

    public string Topic => topic;

    public IDisposable? Subscription { get; set; }

    public void Add(ChannelActor actor, OutFrame first)
    {
        lock (_gate)
        {
            actor.Session.Send(first);
            actor.TopicPlace = _channels.Count;
            _channels.Add(actor);
        }
    }

    /// <returns>True if it was the last.</returns>
    public bool Remove(ChannelActor actor)
    {
        lock (_gate)
        {
            // The last one takes the place of the removed: no search, whatever the number.
            var last = _channels[^1];
            _channels[actor.TopicPlace] = last;
            last.TopicPlace = actor.TopicPlace;
            _channels.RemoveAt(_channels.Count - 1);
            return _channels.Count == 0;
        }
    }

    /// <summary>Called in the order of the messages; the lock keeps that order on every socket.</summary>
    public void Deliver(PubSubMessage message)
    {
        var payload = message.IsBinary ? ChannelPayload.Binary(message.Body) : ChannelPayload.Trusted(message.Body);
        var encoded = new EncodedBroadcast(topic, message.Event, payload);
        lock (_gate)
        {
            foreach (var channel in _channels)
            {
                if (message.Sender is null || !ReferenceEquals(message.Sender, channel))
                {
                    channel.Deliver(encoded);
                }
            }
        }

        server.Instruments.BroadcastDelivered();
    }
}
