using System.Security.Claims;
using Presence.Node.Hosting;
using Presence.Node.KeyWatching;

namespace Presence.Node.Tests.KeyWatching;

public sealed class KeyWatchTests
{
    private readonly TestTime _time = new();

    [Fact]
    public async Task Keys_are_yielded_with_their_first_and_last_device_in_any_topic_of_the_pattern()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, phone) = cluster.First();
        var laptop = cluster[0].OpenSession();
        await tracker.TrackAsync(phone, "user:1", "ann");
        await tracker.TrackAsync(phone, "room:1", "bob");
        using var stop = new CancellationTokenSource();
        var keys = tracker.WatchKeysAsync(["ann", "bob", "ann"], "user:*", stop.Token);
        await using var items = keys.GetAsyncEnumerator();
        await NextAsync(new KeyChange("ann", true));
        await tracker.TrackAsync(laptop, "user:1", "ann");
        await tracker.TrackAsync(laptop, "user:2", "ann");
        await tracker.UntrackAsync(phone, "user:1", "ann");
        await tracker.UntrackAsync(laptop, "user:1", "ann");
        await tracker.TrackAsync(laptop, "user:2", "eve");
        await tracker.TrackAsync(phone, "user:9", "bob");
        await NextAsync(new KeyChange("bob", true));
        laptop.End();
        await NextAsync(new KeyChange("ann", false));
        var next = items.MoveNextAsync().AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);

        async Task NextAsync(params KeyChange[] expected)
        {
            Assert.True(await items.MoveNextAsync().AsTask().WaitAsync(TestTimeout));
            Assert.Equal(expected, items.Current);
        }
    }

    [Fact]
    public async Task Reader_without_present_keys_receives_an_empty_item_first()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        await using var items = cluster.Tracker(0).WatchKeysAsync([], "*").GetAsyncEnumerator();
        Assert.True(await items.MoveNextAsync().AsTask().WaitAsync(TestTimeout));
        Assert.Empty(items.Current);
    }

    [Theory]
    [InlineData("user:*", "user:1", true)]
    [InlineData("user:*", "user:", true)]
    [InlineData("user:*", "user", false)]
    [InlineData("user:*", "users:1", false)]
    [InlineData("user:1", "user:1", true)]
    [InlineData("user:1", "user:12", false)]
    [InlineData("*", "anything", true)]
    public async Task Topic_counts_if_it_matches_the_pattern(string within, string topic, bool matches)
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        using var early = await WatchedKeys.OpenAsync(tracker, within, ["ann"]);
        Assert.Equal("", early.Take());
        await tracker.TrackAsync(session, topic, "ann");
        using var late = await WatchedKeys.OpenAsync(tracker, within, ["ann"]);
        await tracker.DeliveredAsync();
        Assert.Equal(matches ? "+ann" : null, early.Take());
        Assert.Equal(matches ? "+ann" : "", late.Take());
    }

    [Fact]
    public async Task First_change_is_published_at_once_and_later_ones_together()
    {
        await using var cluster = await TestCluster.OfAsync(1, null, _time);
        var (tracker, session) = cluster.First();
        using var watch = await WatchedKeys.OpenAsync(tracker, "t", ["a", "b", "c", "d"]);
        Assert.Equal("", watch.Take());
        await TrackAsync("a");
        Assert.True(watch.IsReleased);
        Assert.Equal("+a", watch.Take());
        await TrackAsync("b");
        await TrackAsync("c");
        await tracker.UntrackAsync(session, "t", "c");
        await tracker.UntrackAsync(session, "t", "a");
        await tracker.DeliveredAsync();
        Assert.True(watch.IsScheduled);
        Assert.Null(watch.Take());
        _time.Advance(KeyWatches.BatchInterval - TimeSpan.FromMilliseconds(1));
        Assert.True(watch.IsScheduled);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(watch.IsReleased);
        await TrackAsync("d");
        Assert.Equal("+b +d -a", watch.Take());
        _time.Advance(KeyWatches.BatchInterval);
        await TrackAsync("c");
        Assert.Equal("+c", watch.Take());

        async Task TrackAsync(string key)
        {
            await tracker.TrackAsync(session, "t", key);
            await tracker.DeliveredAsync();
        }
    }

    [Fact]
    public async Task Enumeration_yields_the_changes_of_an_interval_together()
    {
        await using var cluster = await TestCluster.OfAsync(1, null, _time);
        var (tracker, session) = cluster.First();
        await using var items = tracker.WatchKeysAsync(["a", "b", "c"], "t").GetAsyncEnumerator();
        Assert.Empty(await NextAsync());
        await tracker.TrackAsync(session, "t", "a");
        Assert.Equal([new("a", true)], await NextAsync());
        await tracker.TrackAsync(session, "t", "b");
        await tracker.TrackAsync(session, "t", "c");
        await tracker.DeliveredAsync();
        var next = NextAsync();
        _time.Advance(KeyWatches.BatchInterval);
        Assert.Equal([new("b", true), new("c", true)], await next);

        async Task<IReadOnlyList<KeyChange>> NextAsync()
        {
            Assert.True(await items.MoveNextAsync().AsTask().WaitAsync(TestTimeout));
            return items.Current;
        }
    }

    [Fact]
    public async Task Slow_reader_receives_the_net_effect_and_nothing_if_there_is_none()
    {
        await using var cluster = await TestCluster.OfAsync(1, null, _time);
        var (tracker, session) = cluster.First();
        using var watch = await WatchedKeys.OpenAsync(tracker, "*", ["ann", "bob"]);
        Assert.Equal("", watch.Take());
        for (var i = 0; i < 100; i++)
        {
            await tracker.TrackAsync(session, $"t{i}", "ann");
            await tracker.DeliveredAsync();
            await tracker.UntrackAsync(session, $"t{i}", "ann");
            await tracker.DeliveredAsync();
        }

        Assert.True(watch.IsReleased);
        Assert.Null(watch.Take());
        await tracker.TrackAsync(session, "t", "bob");
        await tracker.DeliveredAsync();
        Assert.Equal("+bob", watch.Take());
    }

    [Fact]
    public async Task Keys_of_other_nodes_come_and_go_with_their_node()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var tracker = cluster.Tracker(0);
        await using var items = tracker.WatchKeysAsync(["ann", "bob"], "user:*").GetAsyncEnumerator();
        Assert.Empty(await NextAsync());
        await cluster.Tracker(1).TrackAsync(cluster[1].OpenSession(), "user:7", "ann");
        Assert.Equal([new("ann", true)], await NextAsync());
        await cluster.StopAsync(1);
        Assert.Equal([new("ann", false)], await NextAsync());

        async Task<IReadOnlyList<KeyChange>> NextAsync()
        {
            Assert.True(await items.MoveNextAsync().AsTask().WaitAsync(TestTimeout));
            return items.Current;
        }
    }

    [Fact]
    public async Task Key_whose_session_continues_on_another_node_stays_present()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var options = new PresenceSessionOptions { Grace = TimeSpan.FromMinutes(1) };
        var session = cluster[0].OpenSession(options);
        await cluster.Tracker(0).TrackAsync(session, "user:1", "ann");
        await TestCluster.UntilAsync(cluster.Tracker(1), () => cluster.Tracker(1).Count("user:1") == 1, "ann is there");
        WatchedKeys[] watches =
        [
            await WatchedKeys.OpenAsync(cluster.Tracker(0), "user:*", ["ann"]),
            await WatchedKeys.OpenAsync(cluster.Tracker(1), "user:*", ["ann"]),
        ];
        Assert.All(watches, watch => Assert.Equal("+ann", watch.Take()));
        session.Detach();
        var resumed = await cluster[1].ResumeAsync(session.Token!, options);
        Assert.True(resumed.IsResumed);
        var meta = PresenceMeta.Parse("""{"a":1}""");
        await cluster.Tracker(1).TrackAsync(resumed.Session, "user:1", "ann", meta);
        await resumed.Session.CompleteResumeAsync();
        var first = cluster.Tracker(0);
        await TestCluster.UntilAsync(
            first, () => first.GetByKey("user:1", "ann") is [var entry] && entry.Meta == meta, "ann has moved");
        await first.DeliveredAsync();
        await cluster.Tracker(1).DeliveredAsync();
        Assert.All(watches, watch => Assert.False(watch.IsReleased));
    }

    [Fact]
    public async Task Changes_beyond_the_queue_are_found_by_reading_all_keys()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, "user:0", "gone");
        using var watch = await WatchedKeys.OpenAsync(tracker, "user:*", ["gone", "came", "never"]);
        var friends = Enumerable.Range(0, 1000).Select(i => $"k{i}").ToArray();
        using var other = await WatchedKeys.OpenAsync(tracker, "t", friends);
        Assert.Equal("+gone", watch.Take());
        Assert.Equal("", other.Take());
        using (var held = new HeldShard(cluster[0], "t"))
        {
            // One step of the shard has more changes than the queue takes.
            var many = Enumerable.Range(0, KeyWatches.MaxWaiting + 1);
            var commands = new Task[]
            {
                tracker.UntrackAsync(session, "user:0", "gone").AsTask(),
                tracker.TrackManyAsync(session, [.. many.Select(i => new TrackRequest("t", $"k{i}"))]).AsTask(),
                tracker.TrackAsync(session, "user:1", "came").AsTask(),
            };
            held.Release();
            await Task.WhenAll(commands).WaitAsync(TestTimeout);
        }

        await tracker.DeliveredAsync();
        watch.Take();
        other.Take();
        Assert.Equal(["came"], watch.Present);
        Assert.Equal(1000, other.Present.Count);
    }

    [Fact]
    public async Task Key_that_moves_between_shards_is_never_absent()
    {
        await using var cluster = await TestCluster.OfAsync(1, options => options.Tracker.PoolSize = 4, _time);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, "user:0", "ann");
        using var watch = await WatchedKeys.OpenAsync(tracker, "user:*", ["ann"]);
        Assert.Equal("+ann", watch.Take());
        for (var i = 0; i < 500; i++)
        {
            await tracker.TrackAsync(session, $"user:{i + 1}", "ann");
            await tracker.UntrackAsync(session, $"user:{i}", "ann");
            Assert.False(watch.IsReleased);
        }

        await tracker.DeliveredAsync();
        Assert.False(watch.IsReleased);
    }

    [Fact]
    public async Task Forbidden_key_is_never_shown_and_costs_what_an_absent_one_costs()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, "user:1", "secret");
        await tracker.TrackAsync(session, "user:1", "ann");
        using var all = await WatchedKeys.OpenAsync(tracker, "user:*", ["secret"]);
        using var watch = await WatchedKeys.OpenAsync(tracker, "user:*", ["ann", "secret", "absent"], new NoSecrets());
        Assert.Equal(4, tracker.KeyWatches!.Edges);
        Assert.Equal("+ann", watch.Take());
        await tracker.UntrackAsync(session, "user:1", "secret");
        await tracker.DeliveredAsync();
        await tracker.TrackAsync(session, "user:2", "secret");
        await tracker.DeliveredAsync();
        Assert.Equal("+secret", all.Take());
        Assert.False(watch.IsReleased || watch.IsScheduled);
        Assert.Null(watch.Take());
        await tracker.UntrackAsync(session, "user:1", "ann");
        await tracker.UntrackAsync(session, "user:2", "secret");
        await tracker.DeliveredAsync();
        Assert.Equal("-ann", watch.Take());
    }

    [Fact]
    public async Task Authorizer_is_asked_about_each_key_with_the_pattern_and_the_user()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (authorizer, user) = (new NoSecrets(), new ClaimsPrincipal(new ClaimsIdentity("test")));
        await using var items = cluster.Tracker(0)
            .WatchKeysAsync(["ann", "secret", "ann"], "user:*", authorizer, user).GetAsyncEnumerator();
        Assert.True(await items.MoveNextAsync().AsTask().WaitAsync(TestTimeout));
        Assert.Equal(
            ["ann", "secret"],
            authorizer.Asked.Select(access =>
            {
                Assert.Equal(new PresenceAccess(PresenceOperation.Read, "user:*", access.Key) { User = user }, access);
                return access.Key!;
            }));
    }

    [Fact]
    public async Task Invalid_keys_and_patterns_are_rejected_before_the_authorizer_is_asked()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var authorizer = new NoSecrets();
        Rejects<ArgumentException>(Enumerable.Repeat("k", 1001), "t");
        Rejects<PresenceLimitException>(["ok", ""], "t");
        Rejects<PresenceLimitException>(["ok", new string('k', 256)], "t");
        Rejects<ArgumentException>(["ok", "\uD800"], "t");
        Rejects<ArgumentNullException>(["ok", null!], "t");
        Rejects<PresenceLimitException>(["ok"], "");
        Rejects<PresenceLimitException>(["ok"], new string('t', 256));
        Rejects<ArgumentException>(["ok"], "\uDC00*");
        Rejects<ArgumentException>(["ok"], "user:*:x");
        Rejects<ArgumentException>(["ok"], "user:**");
        Rejects<ArgumentNullException>(["ok"], null!);
        Assert.Empty(authorizer.Asked);
        Assert.Equal((0, 0), (cluster.Tracker(0).KeyWatches!.Watches, cluster.Tracker(0).KeyWatches!.Edges));

        void Rejects<T>(IEnumerable<string> keys, string within)
            where T : Exception =>
            Assert.Throws<T>(() => cluster.Tracker(0).WatchKeysAsync([.. keys], within, authorizer, null));
    }

    [Fact]
    public void Tracker_without_watches_says_so() =>
        Assert.Throws<NotSupportedException>(() => new OtherTracker().WatchKeysAsync(["ann"], "*"));

    [Fact]
    public async Task Watches_and_edges_are_measured_and_end_with_their_readers()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        var first = await WatchedKeys.OpenAsync(tracker, "a*", ["k", "l"]);
        var second = await WatchedKeys.OpenAsync(tracker, "a*", ["l", "m", "n"]);
        Assert.Equal((2, 5), (Measured("presence.key_watches"), Measured("presence.key_watch.edges")));
        first.Dispose();
        first.Dispose();
        Assert.Equal((1, 3), (Measured("presence.key_watches"), Measured("presence.key_watch.edges")));
        second.Dispose();
        Assert.Equal((0, 0), (Measured("presence.key_watches"), Measured("presence.key_watch.edges")));
        Assert.Throws<ObjectDisposedException>(() => second.Take());
        using var again = await WatchedKeys.OpenAsync(tracker, "a*", ["k"]);
        Assert.Equal("", again.Take());
        await tracker.TrackAsync(session, "a1", "k");
        await tracker.DeliveredAsync();
        Assert.Equal("+k", again.Take());

        int Measured(string instrument)
        {
            var value = -1;
            using var listener = new MeterListener();
            listener.InstrumentPublished = (i, l) =>
            {
                if (i.Name == instrument && ((PresenceNode)cluster[0]).IsMeter(i.Meter))
                {
                    l.EnableMeasurementEvents(i);
                }
            };
            listener.SetMeasurementEventCallback<int>((_, measured, _, _) => value = measured);
            listener.Start();
            listener.RecordObservableInstruments();
            return value;
        }
    }

    /// <summary>Forbids the key "secret".</summary>
    private sealed class NoSecrets : IPresenceAuthorizer
    {
        public ConcurrentQueue<PresenceAccess> Asked { get; } = [];

        public ValueTask<bool> IsAllowedAsync(PresenceAccess access)
        {
            Asked.Enqueue(access);
            return new(access.Key != "secret");
        }
    }

    private sealed class OtherTracker : Harness.Nodes.NodeStub
    {
        public override TopicSnapshot List(string topic) => throw new NotSupportedException();

        public override TopicSubscription Subscribe(string topic, Action<TopicDiff> onDiff) =>
            throw new NotSupportedException();
    }
}
