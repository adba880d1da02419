using Presence.Node.KeyWatching;
using Presence.Tracker;
using Presence.Tracker.Counts;

namespace Presence.Node.Feeds;

/// <summary>The node of this process: reads are local.</summary>
internal sealed class NodeSource(IPresenceNode node) : IPresenceSource
{
    private int _keepsHistory;

    public Task<PresencePage> PageAsync(string topic, string? after, int limit, CancellationToken cancellation) =>
        node.Tracker.PageAsync(topic, after, limit, cancellation);

    public Task<IReadOnlyList<PresenceEntry>> GetByKeyAsync(
        string topic, string key, CancellationToken cancellation) =>
        Task.FromResult(node.Tracker.GetByKey(topic, key));

    public Task<TopicCount> CountAsync(string topic, CancellationToken cancellation) =>
        Task.FromResult(node.Tracker.CountOf(topic));

    public Task<IReadOnlyList<string>> TopicsOfAsync(string key, CancellationToken cancellation) =>
        Task.FromResult(node.Tracker.TopicsOf(key));

    public Task<SourceSubscription> SubscribeAsync(string topic, PresenceView? view, TopicListener listener)
    {
        if (view is { IsWhole: false })
        {
            var ofView = node.Tracker.Subscribe(topic, view, OnDiff);
            return Task.FromResult(new SourceSubscription(ofView.Snapshot, new Ending(ofView), ofView.Version));
        }

        if (AdaptiveOf(topic) is { IsCountsOnly: true })
        {
            var counts = node.Tracker.CountsOnly!.Subscribe(topic, counted => listener([], counted, 0));
            return Task.FromResult(new SourceSubscription(counts.Counted, new Ending(counts)));
        }

        if (Interlocked.Exchange(ref _keepsHistory, 1) == 0)
        {
            node.Tracker.KeepHistory();
        }

        var subscription = node.Tracker.Subscribe(topic, OnDiff);
        return Task.FromResult(new SourceSubscription(
            subscription.Snapshot, new Ending(subscription), subscription.Version, subscription.Missed));

        void OnDiff(TopicDiff diff) => listener(diff.Changes, diff.View!.Snapshot, diff.Version);
    }

    public AdaptiveMode? AdaptiveOf(string topic) => node.Tracker.AdaptiveOf(topic);

    public KeyWatches? KeyWatches => node.Tracker.KeyWatches;

    public ISourceSession OpenSession(PresenceSessionOptions options) =>
        new Session(node, node.OpenSession(options), false);

    public async Task<ISourceSession> ResumeAsync(
        byte[]? token, PresenceSessionOptions options, CancellationToken cancellation)
    {
        if (token is null || options.Grace == TimeSpan.Zero || !ResumeToken.TryParse(token, out var read))
        {
            return OpenSession(options);
        }

        var result = await node.ResumeAsync(read, options, cancellation).ConfigureAwait(false);
        return new Session(node, result.Session, result.IsResumed);
    }

    private sealed class Ending(IDisposable subscription) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            subscription.Dispose();
            return default;
        }
    }

    private sealed class Session(IPresenceNode node, PresenceSession session, bool isResumed) : ISourceSession
    {
        public byte[]? Token => session.Token?.ToBytes();

        public bool IsResumed => isResumed;

        public Task CompleteResumeAsync() => session.CompleteResumeAsync().AsTask();

        public void Confirm() => session.Confirm();

        public bool Owns(PresenceEntry entry) => session.Owns(entry, node.Name);

        public ValueTask DetachAsync()
        {
            session.Detach();
            return default;
        }

        public Task TrackAsync(string topic, string key, PresenceMeta meta, CancellationToken cancellation) =>
            node.Tracker.TrackAsync(session, topic, key, meta, cancellation).AsTask();

        public Task UpdateAsync(string topic, string key, PresenceMeta meta, CancellationToken cancellation) =>
            node.Tracker.UpdateAsync(session, topic, key, meta, cancellation).AsTask();

        public Task<bool> UntrackAsync(string topic, string key, CancellationToken cancellation) =>
            node.Tracker.UntrackAsync(session, topic, key, cancellation).AsTask();

        public ValueTask DisposeAsync()
        {
            session.End();
            return default;
        }
    }
}
