using Presence.Channels.Runtime;
using Presence.Tracker;

namespace Presence.Channels.Presences;

/// <summary>Keeps one feed for all channels that show the same view of the same presences in one topic.</summary>
internal sealed class PresenceFeeds(ChannelServer server)
{
    private readonly Lock _gate = new();
    private readonly
        Dictionary<(string Presences, string Topic, PresenceView? View, bool AlwaysMembers), PresenceFeed> _feeds = [];

    /// <param name="presences">The tracker's topic.</param>
    /// <param name="view">The part of it; null: all.</param>
    /// <param name="channel">The channel.</param>
    /// <param name="accepted">Called before the channel can receive anything; null: nothing.</param>
    /// <exception cref="PresenceViewException">The view cannot be used for the presences.</exception>
    /// <exception cref="Node.PresenceOverloadException">The topic has too many views.</exception>
    public PresenceFeed Add(string presences, PresenceView? view, ChannelActor channel, Action? accepted)
    {
        lock (_gate)
        {
            var key = (presences, channel.Topic, view, channel.AlwaysMembers);
            if (!_feeds.TryGetValue(key, out var feed))
            {
                feed = new PresenceFeed(server, presences, channel.Topic, view, channel.AlwaysMembers);
                feed.Start();
                _feeds.Add(key, feed);
            }

            accepted?.Invoke();
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
                _feeds.Remove((feed.Presences, feed.Topic, feed.View, feed.AlwaysMembers));
                feed.Dispose();
            }
        }
    }
}
