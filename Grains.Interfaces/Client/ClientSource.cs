using Presence.Node;
using Presence.Node.Feeds;
using Presence.Tracker;

namespace Presence.Grains.Client;

/// <summary>Presence of the silos, for web endpoints of an Orleans client.</summary>
internal sealed class ClientSource(IPresenceClient client) : IPresenceSource
{
    public async Task<PresencePage> PageAsync(
        string topic, string? after, int limit, CancellationToken cancellation)
    {
        var page = await client.PageAsync(topic, after, limit, cancellation);
        return new PresencePage(page.Presences, page.Next);
    }

    public Task<IReadOnlyList<PresenceEntry>> GetByKeyAsync(
        string topic, string key, CancellationToken cancellation) => client.GetByKeyAsync(topic, key, cancellation);

    public async Task<TopicCount> CountAsync(string topic, CancellationToken cancellation)
    {
        var count = client.CountAsync(topic, cancellation);
        var keys = client.KeyCountAsync(topic, cancellation);
        return new TopicCount(topic, await count, await keys);
    }

    public Task<IReadOnlyList<string>> TopicsOfAsync(string key, CancellationToken cancellation) =>
        client.TopicsOfAsync(key, cancellation);

    /// <summary>A silo computes the view; nothing else reaches this process.</summary>
    public async Task<SourceSubscription> SubscribeAsync(string topic, PresenceView? view, TopicListener listener)
    {
        var presences = new PresenceSet(topic);
        var subscription = view is { IsWhole: false }
            ? await client.SubscribeAsync(topic, view, Handle)
            : await client.SubscribeAsync(topic, Handle);

        // Of an empty topic: the first list of any other was given to the listener.
        return new SourceSubscription(new TopicSnapshot(topic), subscription);

        ValueTask Handle(IReadOnlyList<PresenceChange> changes)
        {
            presences.Apply(changes);
            listener(changes, presences.Current, 0);
            return default;
        }
    }

    public ISourceSession OpenSession(PresenceSessionOptions options) => new Session(client);

    private sealed class Session(IPresenceClient client) : ISourceSession
    {
        private readonly Dictionary<(string Topic, string Key), ITrackedPresence> _tracked = [];

        public async Task TrackAsync(string topic, string key, PresenceMeta meta, CancellationToken cancellation)
        {
            if (_tracked.ContainsKey((topic, key)))
            {
                throw new AlreadyTrackedException(topic, key);
            }

            _tracked.Add((topic, key), await client.TrackAsync(topic, key, meta, cancellation));
        }

        public Task UpdateAsync(string topic, string key, PresenceMeta meta, CancellationToken cancellation) =>
            _tracked.TryGetValue((topic, key), out var presence)
                ? presence.UpdateAsync(meta, cancellation)
                : throw new NotTrackedException(topic, key);

        public async Task<bool> UntrackAsync(string topic, string key, CancellationToken cancellation)
        {
            if (!_tracked.Remove((topic, key), out var presence))
            {
                return false;
            }

            await presence.DisposeAsync();
            return true;
        }

        public async ValueTask DisposeAsync()
        {
            await Task.WhenAll(_tracked.Values.Select(presence => presence.DisposeAsync().AsTask()));
            _tracked.Clear();
        }
    }
}
