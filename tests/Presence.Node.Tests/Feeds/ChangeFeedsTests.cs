using Microsoft.Extensions.DependencyInjection;
using Presence.Node.Feeds;

namespace Presence.Node.Tests.Feeds;

[Collection("Feeds, whose counters are those of the process")]
public sealed class ChangeFeedsTests : IAsyncDisposable
{
    private readonly TestTime _time = new();
    private readonly Source _source = new();
    private readonly FeedInstruments _instruments = new();
    private readonly ChangeFeeds _feeds;

    public ChangeFeedsTests() => _feeds = new ChangeFeeds(_source, _time, _instruments);

    public ValueTask DisposeAsync()
    {
        _feeds.Dispose();
        _instruments.Dispose();
        return default;
    }

    [Fact]
    public async Task Readers_of_a_topic_share_one_subscription()
    {
        using var first = await _feeds.OpenAsync("t", null, null, default);
        using var second = await _feeds.OpenAsync("t", null, null, default);
        using var other = await _feeds.OpenAsync("other", null, null, default);
        Assert.Equal(["t", "other"], _source.Subscribed);
    }

    [Fact]
    public async Task Feed_without_readers_is_kept_for_their_return_and_then_ends()
    {
        (await _feeds.OpenAsync("t", null, null, default)).Dispose();
        _time.Advance(ChangeFeeds.Linger - ChangeFeeds.PulseInterval);
        Assert.Equal(1, _feeds.Count);
        (await _feeds.OpenAsync("t", null, null, default)).Dispose();
        _time.Advance(ChangeFeeds.Linger + ChangeFeeds.PulseInterval);
        Assert.Equal(0, _feeds.Count);
        Assert.Equal(["t"], _source.Subscribed);
        await _source.Ended.CountAsync(1);
    }

    [Fact]
    public async Task Feeds_beyond_the_maximum_end_with_their_last_reader()
    {
        for (var i = 0; i <= ChangeFeeds.MaxIdle; i++)
        {
            (await _feeds.OpenAsync($"topic {i}", null, null, default)).Dispose();
        }

        Assert.Equal(ChangeFeeds.MaxIdle, _feeds.Count);
        await _source.Ended.CountAsync(1);
    }

    [Fact]
    public async Task Failed_subscription_fails_its_readers_and_is_tried_again_by_the_next()
    {
        _source.Error = new TimeoutException("no silo");
        await Assert.ThrowsAsync<TimeoutException>(() => _feeds.OpenAsync("t", null, null, default));
        Assert.Equal(0, _feeds.Count);
        _source.Error = null;
        using var reading = await _feeds.OpenAsync("t", null, null, default);
        Assert.Equal(1, _feeds.Count);
    }

    private sealed class Source : IPresenceSource
    {
        public List<string> Subscribed { get; } = [];

        public Awaited<string> Ended { get; } = new();

        public Exception? Error { get; set; }

        public Task<SourceSubscription> SubscribeAsync(string topic, PresenceView? view, TopicListener listener)
        {
            if (Error is not null)
            {
                return Task.FromException<SourceSubscription>(Error);
            }

            Subscribed.Add(topic);
            return Task.FromResult(
                new SourceSubscription(new TopicSnapshot(topic), new Ending(() => Ended.Add(topic))));
        }

        public Task<PresencePage> PageAsync(
            string topic, string? after, int limit, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task<IReadOnlyList<PresenceEntry>> GetByKeyAsync(
            string topic, string key, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<TopicCount> CountAsync(string topic, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task<IReadOnlyList<string>> TopicsOfAsync(string key, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public ISourceSession OpenSession(PresenceSessionOptions options) => throw new NotSupportedException();

        private sealed class Ending(Action action) : IAsyncDisposable
        {
            public ValueTask DisposeAsync()
            {
                action();
                return default;
            }
        }
    }
}
