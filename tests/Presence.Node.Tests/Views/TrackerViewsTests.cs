using Presence.Node.Hosting;
using Presence.Node.Views;

namespace Presence.Node.Tests.Views;

public sealed class TrackerViewsTests
{
    private static readonly PresenceView Busy = new()
    {
        First = 2,
        Where = new Dictionary<string, string> { ["/status"] = "busy" },
    };

    [Fact]
    public async Task Watch_reports_what_comes_into_view_apart_from_joins_and_leaves()
    {
        await using var cluster = await TestCluster.OfAsync(2, options => options.Tracker.AddIndex("t", "/status"));
        await TestCluster.UntilNodesAsync(cluster, 2);
        var (far, session) = (cluster.Tracker(1), cluster[1].OpenSession());
        await using var changes = cluster.Tracker(0).WatchAsync("t", Busy).GetAsyncEnumerator();
        await far.TrackAsync(session, "t", "b", Status("busy"));
        await NextAsync("Joined b");
        await far.TrackAsync(session, "t", "a", Status("free"));
        await UntilKnownAsync("a");
        await far.UpdateAsync(session, "t", "a", Status("busy"));
        await NextAsync("Joined a in view");
        await far.TrackAsync(session, "t", "c", Status("busy"));
        await UntilKnownAsync("c");
        await far.UntrackAsync(session, "t", "a");
        await NextAsync("Left a");
        await NextAsync("Joined c in view");
        await far.UpdateAsync(session, "t", "b", Status("away"));
        await NextAsync("Left b in view");
        await far.UpdateAsync(session, "t", "c", PresenceMeta.Parse("""{"status":"busy","n":1}"""));
        await NextAsync("Updated c");

        // Otherwise the next change may arrive together with the join.
        Task UntilKnownAsync(string key) => TestCluster.UntilAsync(
            cluster.Tracker(0), () => cluster.Tracker(0).GetByKey("t", key).Count == 1, $"node 0 knows {key}");

        async Task NextAsync(string expected)
        {
            Assert.True(await changes.MoveNextAsync().AsTask().WaitAsync(TestTimeout));
            var change = changes.Current;
            Assert.Equal(expected, $"{change.Kind} {change.Entry.Key}{(change.IsOfView ? " in view" : "")}");
        }
    }

    [Fact]
    public async Task Subscriber_may_call_anything_and_gets_nothing_after_it_was_disposed()
    {
        await using var cluster = await TestCluster.OfAsync(1, options => options.Tracker.AddIndex("t", "/status"));
        var (tracker, session) = cluster.First();
        var received = new List<string>();
        TopicSubscription? first = null;
        first = tracker.Subscribe("t", Busy, diff =>
        {
            received.Add(diff.Changes[0].Entry.Key);

            // Another thread uses the same topic meanwhile.
            Task.Run(() => tracker.Subscribe("t", Busy, _ => { }).Dispose()).Wait(TestTimeout);
            first!.Dispose();
        });
        await tracker.TrackAsync(session, "t", "a", Status("busy"));
        await tracker.DeliveredAsync();
        await tracker.TrackAsync(session, "t", "b", Status("busy"));
        await tracker.DeliveredAsync();
        Assert.Equal(["a"], received);
        using var again = tracker.Subscribe("t", Busy, _ => { });
        Assert.Equal(["a", "b"], again.Snapshot.Select(entry => entry.Key));
    }

    [Fact]
    public async Task Failing_subscriber_does_not_keep_others_from_their_changes()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        var view = new PresenceView { Prefix = "a" };
        var received = 0;
        using var failing = tracker.Subscribe("t", view, _ => throw new InvalidOperationException("Fails."));
        using var other = tracker.Subscribe("t", new PresenceView { Prefix = "a" }, _ => received++);
        await tracker.TrackAsync(session, "t", "ann");
        await tracker.TrackAsync(session, "t", "bob");
        await tracker.DeliveredAsync();
        Assert.Equal(1, received);
    }

    [Fact]
    public async Task Different_views_of_a_topic_are_bounded()
    {
        await using var cluster = await TestCluster.OfAsync(1, options => options.Tracker.MaxViewsPerTopic = 2);
        var tracker = cluster.Tracker(0);
        using var first = tracker.Subscribe("t", new PresenceView { Prefix = "a" }, _ => { });
        var second = tracker.Subscribe("t", new PresenceView { Prefix = "b" }, _ => { });
        using var shared = tracker.Subscribe("t", new PresenceView { Prefix = "a" }, _ => { });
        var third = new PresenceView { Prefix = "c" };
        Assert.Throws<PresenceOverloadException>(() => tracker.Subscribe("t", third, _ => { }));
        using var elsewhere = tracker.Subscribe("u", third, _ => { });
        second.Dispose();
        using var now = tracker.Subscribe("t", third, _ => { });
    }

    [Fact]
    public async Task View_that_is_malformed_or_uses_an_undeclared_field_is_rejected()
    {
        await using var cluster = await TestCluster.OfAsync(1, options => options.Tracker.AddIndex("u", "/status"));
        var tracker = cluster.Tracker(0);
        Assert.Throws<PresenceViewException>(() => tracker.Subscribe("t", Busy, _ => { }));
        Assert.Throws<PresenceViewException>(() => tracker.Subscribe("t", new PresenceView { First = 0 }, _ => { }));
        tracker.Subscribe("u", Busy, _ => { }).Dispose();
    }

    [Fact]
    public async Task Topic_is_followed_for_a_minute_after_its_last_view()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        using var instruments = new NodeInstruments(() => [], () => [], () => 0, () => [], () => 0);
        var time = new TestTime();
        var views = new TrackerViews(
            cluster.Tracker(0), new TrackerOptions(), time, instruments, new FakeLogger());
        var view = new PresenceView { Prefix = "a" };
        views.Subscribe("t", view, _ => { }).Dispose();
        time.Advance(TrackerViews.Linger / 2);
        using (views.Subscribe("t", view, _ => { }))
        {
            time.Advance(TrackerViews.Linger * 2);
            Assert.Equal(1, views.Topics);
        }

        time.Advance(TrackerViews.Linger * 0.9);
        Assert.Equal(1, views.Topics);
        time.Advance(TrackerViews.Linger * 0.2);
        Assert.Equal(0, views.Topics);
        using var again = views.Subscribe("t", view, _ => { });
        Assert.Equal(1, views.Topics);
    }

    private static PresenceMeta Status(string status) => PresenceMeta.From(new { status });
}
