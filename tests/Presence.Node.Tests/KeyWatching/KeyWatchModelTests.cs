using Presence.Node.KeyWatching;
using Presence.Tracker.Entries;

namespace Presence.Node.Tests.KeyWatching;

/// <summary>Random presences, seen by random watches, compared with what a list of the presences says.</summary>
public sealed class KeyWatchModelTests
{
    private static readonly string[] Topics = ["user:", "user:1", "user:2", "user:22", "room:1", "r"];
    private static readonly string[] Patterns = ["user:*", "user:2*", "user:1", "*", "room:1", "x*"];
    private static readonly string[] Keys = [.. Enumerable.Range(0, 70).Select(i => $"k{i}")];

    private readonly TestTime _time = new();
    private readonly List<(string Within, string[] Keys, WatchedKeys Watch)> _watches = [];
    private readonly List<PresenceSession> _sessions = [];

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 4)]
    [InlineData(4, 4)]
    public async Task Watches_show_what_a_list_of_the_presences_shows(int seed, int shards)
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = shards, _time);
        var (tracker, random) = (cluster.Tracker(0), new Random(seed));
        for (var step = 0; step < 3000; step++)
        {
            await ChangeAsync(cluster[0], random);
            if (random.Next(10) == 0)
            {
                await OpenOrCloseAsync(tracker, random);
            }

            if (random.Next(3) == 0)
            {
                await CheckAsync(tracker, $"seed {seed}, step {step}");
            }
        }
    }

    [Theory]
    [InlineData(5, 1)]
    [InlineData(6, 3)]
    public async Task Watches_that_begin_during_changes_show_the_same_in_the_end(int seed, int shards)
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = shards, _time);
        var (tracker, random) = (cluster.Tracker(0), new Random(seed));
        for (var round = 0; round < 20; round++)
        {
            var writers = Enumerable.Range(0, 3).Select(writer => Task.Run(async () =>
            {
                var (own, session) = (new Random((seed * 1000) + (round * 10) + writer), cluster[0].OpenSession());
                for (var i = 0; i < 300; i++)
                {
                    var (topic, key) = (Pick(own, Topics), Pick(own, Keys));
                    if (!await tracker.UntrackAsync(session, topic, key))
                    {
                        await tracker.TrackAsync(session, topic, key);
                    }
                }
            })).ToArray();
            while (!Task.WhenAll(writers).IsCompleted)
            {
                await OpenOrCloseAsync(tracker, random);
                _watches.ForEach(w => w.Watch.Take());
                _time.Advance(TimeSpan.FromMilliseconds(1));
            }

            await Task.WhenAll(writers);
            await CheckAsync(tracker, $"seed {seed}, round {round}");
        }
    }

    private async Task ChangeAsync(IPresenceNode node, Random random)
    {
        if (_sessions.Count == 0 || random.Next(20) == 0)
        {
            _sessions.Add(node.OpenSession());
        }

        var session = Pick(random, _sessions);
        if (random.Next(60) == 0)
        {
            session.End();
            _sessions.Remove(session);
            return;
        }

        var (topic, key) = (Pick(random, Topics), Pick(random, Keys));
        if (!await node.Tracker.UntrackAsync(session, topic, key))
        {
            await node.Tracker.TrackAsync(session, topic, key);
        }
    }

    private async Task OpenOrCloseAsync(IPresenceTracker tracker, Random random)
    {
        if (_watches.Count < 12)
        {
            var within = Pick(random, Patterns);
            var keys = Keys.Where(_ => random.Next(3) > 0).ToArray();
            _watches.Add((within, keys, await WatchedKeys.OpenAsync(tracker, within, keys)));
            return;
        }

        var ended = Pick(random, _watches);
        ended.Watch.Dispose();
        _watches.Remove(ended);
    }

    private async Task CheckAsync(IPresenceTracker tracker, string at)
    {
        await tracker.DeliveredAsync();
        _time.Advance(KeyWatches.BatchInterval);
        var topics = Keys.ToDictionary(key => key, tracker.TopicsOf);
        foreach (var (within, keys, watch) in _watches)
        {
            watch.Take();
            var pattern = new TopicPattern(within);
            var expected = keys.Where(key => topics[key].Any(pattern.Matches)).Order(StringComparer.Ordinal);
            Assert.True(
                expected.SequenceEqual(watch.Present),
                $"{at}, {within}: expected {string.Join(' ', expected)}; has {string.Join(' ', watch.Present)}");
        }

        Assert.Equal(_watches.Count, tracker.KeyWatches!.Watches);
        Assert.Equal(_watches.Sum(w => w.Keys.Length), tracker.KeyWatches!.Edges);
    }

    private static T Pick<T>(Random random, IReadOnlyList<T> items) => items[random.Next(items.Count)];
}
