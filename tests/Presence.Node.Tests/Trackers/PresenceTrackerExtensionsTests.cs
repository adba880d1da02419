namespace Presence.Node.Tests.Trackers;

public sealed class PresenceTrackerExtensionsTests
{
    [Fact]
    public async Task Watch_yields_the_presences_and_then_each_change_until_canceled()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, "t", "ann");
        using var stop = new CancellationTokenSource();
        await using var changes = tracker.WatchAsync("t", stop.Token).GetAsyncEnumerator();
        await NextAsync("Joined ann");
        await tracker.UpdateAsync(session, "t", "ann", PresenceMeta.Parse("""{"a":1}"""));
        await NextAsync("Updated ann");
        await tracker.UntrackAsync(session, "t", "ann");
        await NextAsync("Left ann");
        var next = changes.MoveNextAsync().AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);

        async Task NextAsync(string expected)
        {
            Assert.True(await changes.MoveNextAsync().AsTask().WaitAsync(TestTimeout));
            Assert.Equal(expected, $"{changes.Current.Kind} {changes.Current.Entry.Key}");
        }
    }

    [Fact]
    public async Task Slow_watcher_receives_the_net_effect_of_what_it_missed()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        await using var changes = tracker.WatchAsync("t").GetAsyncEnumerator();
        var first = changes.MoveNextAsync().AsTask();
        await tracker.TrackAsync(session, "t", "ann");
        Assert.True(await first.WaitAsync(TestTimeout));
        for (var i = 0; i < 2000; i++)
        {
            await tracker.UpdateAsync(session, "t", "ann", PresenceMeta.From(new { i }));
        }

        await tracker.TrackAsync(session, "t", "last");
        await tracker.DeliveredAsync();
        var (meta, count) = (PresenceMeta.Empty, 0);
        while (await changes.MoveNextAsync().AsTask().WaitAsync(TestTimeout) && changes.Current.Entry.Key != "last")
        {
            (meta, count) = (changes.Current.Entry.Meta, count + 1);
        }

        Assert.Equal("""{"i":1999}""", meta.ToString());
        Assert.InRange(count, 1, 1000);
    }

    [Fact]
    public async Task Freshness_names_the_other_nodes_and_the_age_of_what_may_be_missing()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var tracker = cluster.Tracker(0);
        await TestCluster.UntilAsync(
            tracker,
            () => tracker.Freshness("t") is [{ Node: "n1", IsUp: true } other] && other.Age < TimeSpan.FromSeconds(20),
            "node 0 has received a frame of node 1");
        await cluster.StopAsync(1);
        await TestCluster.UntilAsync(tracker, () => !tracker.Freshness("t").Any(n => n.IsUp), "node 1 is not up");
    }

    [Fact]
    public async Task Canceled_calls_change_nothing()
    {
        await using var cluster = await TestCluster.OfAsync(1, options => options.Tracker.PoolSize = 2);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, "t", "ann");
        var canceled = new CancellationToken(canceled: true);
        TrackRequest[] requests = [new("a", "ann"), new("b", "ann")];
        Func<ValueTask>[] calls =
        [
            async () => await tracker.TrackAsync(session, "a", "ann", default, canceled),
            async () => await tracker.TrackManyAsync(session, requests, canceled),
            async () => await tracker.UpdateAsync(session, "t", "ann", PresenceMeta.Parse("{}"), canceled),
            async () => await tracker.UpdateAsync(session, "t", "ann", e => e.Meta, canceled),
            async () => await tracker.UpdateManyAsync(session, [new("t", "ann")], canceled),
            async () => await tracker.UntrackAsync(session, "t", "ann", canceled),
            async () => await tracker.UntrackAllAsync(session, canceled),
            async () => await session.CompleteResumeAsync(canceled),
        ];
        var before = tracker.GetByKey("t", "ann")[0];
        foreach (var call in calls)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await call());
        }

        Assert.Equal(["t"], tracker.TopicsOf("ann"));
        Assert.Same(before, tracker.GetByKey("t", "ann")[0]);
    }

    [Fact]
    public async Task Keys_are_yielded_with_their_first_and_last_device_only()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, phone) = cluster.First();
        var laptop = cluster[0].OpenSession();
        await tracker.TrackAsync(phone, "t", "ann");
        await using var keys = tracker.WatchKeysAsync("t").GetAsyncEnumerator();
        await NextAsync("ann", true);
        await tracker.TrackAsync(laptop, "t", "ann");
        await tracker.UntrackAsync(phone, "t", "ann");
        await tracker.TrackAsync(phone, "t", "bob");
        await NextAsync("bob", true);
        laptop.End();
        await NextAsync("ann", false);

        async Task NextAsync(string key, bool isPresent)
        {
            Assert.True(await keys.MoveNextAsync().AsTask().WaitAsync(TestTimeout));
            Assert.Equal(new KeyChange(key, isPresent), keys.Current);
        }
    }
}
