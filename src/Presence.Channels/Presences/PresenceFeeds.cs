namespace Presence.Channels;

/// <summary>Keeps one feed for all channels that show the same presences in the same topic.</summary>
internal sealed class PresenceFeeds(ChannelServer server)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Presences, string Topic), PresenceFeed> _feeds = [];

    public PresenceFeed Add(string presences, ChannelActor channel)
    {
        lock (_gate)
        {
            var key = (presences, channel.Topic);
            if (!_feeds.TryGetValue(key, out var feed))
            {
                feed = new PresenceFeed(server, presences, channel.Topic);
                feed.Start();
                _feeds.Add(key, feed);
            }

            feed.Add(channel);
            return feed;
        }
    }

    public void Remove(PresenceFeed feed, ChannelActor channel)
    {
        lock (_gate)
        {
            if (feed.Remove(channel))
            {
                _feeds.Remove((feed.Presences, feed.Topic));
                feed.Dispose();
            }
        }
    }
}
