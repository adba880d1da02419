using Presence.Node.Trackers;
using Presence.Tracker.Counts;

namespace Presence.Node.Tests.CountsOnly;

/// <summary>Topics of which nodes replicate counts and not presences.</summary>
public sealed class CountsOnlyTests
{
    private const string Topic = "live:1";

    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(100);
    private static readonly PresenceSessionOptions Grace = new() { Grace = TimeSpan.FromSeconds(30) };

    [Fact]
    public async Task Counts_of_three_nodes_are_equal_after_quiet_and_keys_within_two_and_a_half_percent()
    {
        await using var cluster = await ClusterAsync(3);
        await TestCluster.UntilNodesAsync(cluster, 3);
        var sessions = new List<PresenceSession>();
        for (var node = 0; node < 3; node++)
        {
            // Half of the keys of each node are on the next one too.
            sessions.Add(await TrackAsync(cluster, node, node * 2000, 4000));
        }

        await UntilCountsAsync(cluster, 12_000);
        await UntilKeysAsync(cluster, 8000);

        // A sketch cannot forget: the owner sends one of what is left.
        sessions[2].End();
        await UntilCountsAsync(cluster, 8000);
        await UntilKeysAsync(cluster, 6000);
        sessions[1].End();
        await UntilCountsAsync(cluster, 4000);
        await UntilAsync("the keys of one node are exact", () => Counts(cluster).All(c => c.KeyCount == 4000));
        sessions[0].End();
        await UntilCountsAsync(cluster, 0);
        await UntilAsync(
            "nobody lists the topic", () => All(cluster).All(t => t.Topics(null, 10).All(c => c.Topic != Topic)));
    }

    [Fact]
    public async Task Node_that_joins_later_counts_what_the_others_have()
    {
        await using var cluster = await ClusterAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        await TrackAsync(cluster, 0, 0, 300);
        await TrackAsync(cluster, 1, 200, 300);
        await UntilCountsAsync(cluster, 600);
        await cluster.AddAsync("n2", Configure);
        await UntilAsync("the third node counts", () => cluster.Tracker(2).Count(Topic) == 600);
        await UntilAsync(
            "all estimate the same",
            () => Enumerable.Range(0, 3).Select(n => cluster.Tracker(n).KeyCount(Topic)).Distinct().Count() == 1);
    }

    [Fact]
    public async Task Presences_of_a_node_that_dies_are_no_longer_counted()
    {
        var time = new TestTime();
        await using var cluster = await ClusterAsync(2, time);
        await TrackAsync(cluster, 0, 0, 30);
        await UntilAsync("n1 counts those of n0", () => cluster.Tracker(1).Count(Topic) == 30);
        await TrackAsync(cluster, 1, 0, 5);
        await UntilAsync("n0 counts those of n1", () => cluster.Tracker(0).Count(Topic) == 35);
        cluster.InMemory.Kill("n0");
        Assert.Equal(35, cluster.Tracker(1).Count(Topic));
        await time.AdvanceUntilAsync("n0 is down", () => cluster.Tracker(1).Count(Topic) == 5);
        Assert.Equal(5, cluster.Tracker(1).KeyCount(Topic));
    }

    [Fact]
    public async Task Presences_of_a_node_that_stops_are_no_longer_counted()
    {
        await using var cluster = await ClusterAsync(2);
        await TrackAsync(cluster, 0, 0, 30);
        await UntilAsync("n1 counts those of n0", () => cluster.Tracker(1).Count(Topic) == 30);
        await cluster.StopAsync(0);
        await UntilAsync("n1 counts none", () => cluster.Tracker(1).Count(Topic) == 0);
    }

    [Fact]
    public async Task Own_changes_are_counted_at_once()
    {
        await using var cluster = await ClusterAsync(1, new TestTime());
        var (tracker, session) = cluster.First();
        await tracker.TrackManyAsync(session, [new(Topic, "ann"), new("lobby", "ann"), new(Topic, "bob")]);
        Assert.Equal((2, 2), (tracker.Count(Topic), tracker.KeyCount(Topic)));
        await tracker.TrackAsync(cluster[0].OpenSession(), Topic, "ann");
        Assert.Equal((3, 2), (tracker.Count(Topic), tracker.KeyCount(Topic)));
        await tracker.UpdateAsync(session, Topic, "ann", PresenceMeta.Parse("""{"a":1}"""));
        Assert.True(await tracker.UntrackAsync(session, Topic, "ann"));
        Assert.Equal((2, 2), (tracker.Count(Topic), tracker.KeyCount(Topic)));
        Assert.Equal(2, await tracker.UntrackAllAsync(session));
        Assert.Equal((1, 1), (tracker.Count(Topic), tracker.KeyCount(Topic)));
        Assert.Equal(0, tracker.Count("lobby"));
        Assert.Equal([new TopicCount(Topic, 1, 1)], tracker.Topics(null, 10));
    }

    [Fact]
    public async Task Summaries_are_sent_at_once_after_quiet_and_then_once_per_period_if_they_change()
    {
        var time = new TestTime();
        await using var cluster = await ClusterAsync(2, time);
        using var sent = new Counted("presence.counts_only.summaries", node: cluster[0]);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, Topic, "ann");
        await UntilAsync("the first is there", () => cluster.Tracker(1).Count(Topic) == 1);
        for (var i = 0; i < 50; i++)
        {
            await tracker.TrackAsync(session, Topic, $"key {i}");
        }

        Assert.Equal(1, cluster.Tracker(1).Count(Topic));
        var before = sent.Sum;
        await UntilAsync("the others are there", () =>
        {
            time.Advance(Every);
            return cluster.Tracker(1).Count(Topic) == 51;
        });
        Assert.Equal(1, sent.Sum - before);

        // After a period without a change the next one is sent at once.
        time.Advance(Every * 2);
        await tracker.TrackAsync(session, Topic, "dan");
        await UntilAsync("dan is there", () => cluster.Tracker(1).Count(Topic) == 52);
        Assert.Equal(2, sent.Sum - before);

        // What changes nothing in sum is not sent.
        await tracker.TrackAsync(session, Topic, "eve");
        await tracker.UntrackAsync(session, Topic, "eve");
        time.AdvanceInSteps(Every * 5);
        await tracker.TrackAsync(session, Topic, "last");
        await UntilAsync("the last is there", () =>
        {
            time.Advance(Every);
            return cluster.Tracker(1).Count(Topic) == 53;
        });
        Assert.Equal(3, sent.Sum - before);
    }

    [Fact]
    public async Task Lists_lookups_subscriptions_views_and_watches_are_rejected()
    {
        await using var cluster = await ClusterAsync(1);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, Topic, "ann");
        var view = new PresenceView { First = 1 };
        Action[] rejected =
        [
            () => tracker.List(Topic),
            () => tracker.GetByKey(Topic, "ann"),
            () => tracker.Subscribe(Topic, _ => { }),
            () => tracker.Subscribe(Topic, view, _ => { }),
            () => tracker.Subscribe(Topic, new PresenceView(), _ => { }),
            () => tracker.Check(view, Topic),
            () => tracker.WatchKeysAsync(["ann"], Topic),
            () => tracker.WatchKeysAsync(["ann"], "live:*"),
            () => tracker.WatchKeysAsync(["ann"], "live:1:*"),
            () => tracker.EvictAsync(Topic, "ann"),
        ];
        Assert.All(rejected, call =>
        {
            var e = Assert.Throws<CountsOnlyTopicException>(call);
            Assert.StartsWith("live:", e.Topic);
        });
        await Assert.ThrowsAsync<CountsOnlyTopicException>(
            () => tracker.SendAsync(Topic, "ann", SessionMessage.From("hello", new { })));
        _ = tracker.WatchKeysAsync(["ann"], "li*");
        Assert.Empty(tracker.TopicsOf("ann"));
        Assert.Empty(tracker.List("live"));
    }

    [Fact]
    public async Task Handlers_see_other_topics_only()
    {
        await using var cluster = await ClusterAsync(1);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, Topic, "ann");
        var topics = new Awaited<string>();
        await using var handling = await tracker.AddHandlerAsync(new Handler(topics));
        await tracker.TrackAsync(session, Topic, "bob");
        await tracker.TrackAsync(session, "lobby", "ann");
        await topics.CountAsync(1);
        await tracker.DeliveredAsync();
        Assert.Equal(["lobby"], topics.All);
    }

    [Fact]
    public async Task Session_keeps_its_presences_for_the_grace_and_takes_them_to_another_node()
    {
        await using var cluster = await ClusterAsync(3);
        await TestCluster.UntilNodesAsync(cluster, 3);
        var first = cluster[0].OpenSession(Grace);
        await cluster.Tracker(0).TrackAsync(first, Topic, "ann");
        await UntilCountsAsync(cluster, 1);
        first.Detach();
        var again = await cluster[0].ResumeAsync(first.Token!, Grace);
        Assert.Equal("ann", Assert.Single(again.Presences).Key);
        await cluster.Tracker(0).TrackAsync(again.Session, Topic, "ann");
        Assert.Equal(0, await again.Session.CompleteResumeAsync());
        Assert.Equal(1, cluster.Tracker(0).Count(Topic));

        // Without a word to the first node: the connection to it hangs.
        var moved = await cluster[1].ResumeAsync(again.Session.Token!, Grace);
        Assert.Equal(ResumeOutcome.Resumed, moved.Outcome);
        Assert.Equal("ann", Assert.Single(moved.Presences).Key);
        await cluster.Tracker(1).TrackAsync(moved.Session, Topic, "ann");
        Assert.Equal(0, await moved.Session.CompleteResumeAsync());
        await UntilAsync(
            "only the second node has it", () => Local(cluster, 0) == 0 && Local(cluster, 1) == 1);
        await UntilCountsAsync(cluster, 1);
        Assert.True(again.Session.IsEnded);

        // A node that stops hands it over.
        await cluster.StopAsync(1);
        await UntilAsync("another node has it", () => Local(cluster, 0) + Local(cluster, 2) == 1);
        await UntilAsync(
            "both count it", () => cluster.Tracker(0).Count(Topic) == 1 && cluster.Tracker(2).Count(Topic) == 1);
    }

    [Fact]
    public async Task Detached_session_ends_after_its_grace()
    {
        var time = new TestTime();
        await using var cluster = await ClusterAsync(1, time);
        var session = cluster[0].OpenSession(Grace);
        await cluster.Tracker(0).TrackAsync(session, Topic, "ann");
        session.Detach();
        time.AdvanceInSteps(TimeSpan.FromSeconds(29));
        Assert.Equal(1, cluster.Tracker(0).Count(Topic));
        await time.AdvanceUntilAsync("the grace is over", () => cluster.Tracker(0).Count(Topic) == 0);
    }

    [Fact]
    public async Task Summaries_of_another_form_or_of_others_are_ignored_and_counted()
    {
        using var invalid = new Counted("presence.counts_only.invalid");
        await using var cluster = await ClusterAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        await TrackAsync(cluster, 0, 0, 3);
        await UntilCountsAsync(cluster, 3);
        var summaries = ((PresenceTracker)cluster.Tracker(0)).CountsOnly!.Summaries;
        var session = cluster[0].OpenSession();
        var valid = new TopicSummary(7, 7, new KeySketch().Encode()).ToMeta();
        var other = PresenceMeta.Parse("""{"n":1}""");
        foreach (var (key, meta) in new[] { ("n0", other), ("n1", valid), ("other", valid) })
        {
            await summaries.Execute<TrackCommand, PresenceEntry>(new(session, Topic, key, meta));
        }

        await UntilAsync("n1 has them", () => Summaries(cluster, 1) == 4);
        Assert.Equal((3, 3), (cluster.Tracker(1).Count(Topic), cluster.Tracker(1).KeyCount(Topic)));
        Assert.Equal((3, 3), (cluster.Tracker(0).Count(Topic), cluster.Tracker(0).KeyCount(Topic)));
        Assert.InRange(invalid.Sum, 3, 6);
        session.End();
        await UntilAsync("they are gone", () => Summaries(cluster, 1) == 1);
        Assert.Equal(3, cluster.Tracker(1).Count(Topic));
    }

    [Theory]
    [InlineData("presence#local")]
    [InlineData("presence#counts")]
    public void Names_of_the_shards_of_counts_only_topics_are_no_trackers(string name)
    {
        var e = Assert.Throws<ArgumentException>(() => new PresenceOptions().AddTracker(name).Validate());
        Assert.Contains("#counts", e.Message, StringComparison.Ordinal);
    }

    private static void Configure(PresenceOptions options)
    {
        options.Tracker.AddCountsOnly("live:*", Every);
        options.Tracker.PoolSize = 2;
    }

    private static Task<TestCluster> ClusterAsync(int nodes, TimeProvider? time = null) =>
        TestCluster.OfAsync(nodes, Configure, time);

    private static async Task<PresenceSession> TrackAsync(TestCluster cluster, int node, int from, int count)
    {
        var session = cluster[node].OpenSession();
        await cluster.Tracker(node).TrackManyAsync(
            session,
            [.. Enumerable.Range(from, count).Select(i => new TrackRequest(Topic, $"user {i}", default))]);
        return session;
    }

    private static IEnumerable<IPresenceTracker> All(TestCluster cluster) =>
        Enumerable.Range(0, cluster.InMemory.Nodes.Count()).Select(cluster.Tracker);

    private static TopicCount[] Counts(TestCluster cluster) => [.. All(cluster).Select(t => t.CountOf(Topic))];

    private static int Local(TestCluster cluster, int node) =>
        ((PresenceTracker)cluster.Tracker(node)).CountsOnly!.LocalOf(Topic).Count;

    private static int Summaries(TestCluster cluster, int node) =>
        ((PresenceTracker)cluster.Tracker(node)).CountsOnly!.Summaries.Shard.Index.List(Topic).Count;

    private static Task UntilCountsAsync(TestCluster cluster, int count) =>
        UntilAsync($"all nodes count {count}", () => Counts(cluster).All(c => c.Count == count));

    private static async Task UntilKeysAsync(TestCluster cluster, int keys)
    {
        await UntilAsync(
            "all nodes have the same sketches",
            () => All(cluster).Select(Sketches).Distinct(StringComparer.Ordinal).Count() == 1);
        var estimates = Counts(cluster).Select(c => c.KeyCount).Distinct().ToArray();
        var estimate = Assert.Single(estimates);
        Assert.True(Math.Abs(estimate - keys) <= 0.025 * keys, $"{estimate} instead of {keys}");

        static string Sketches(IPresenceTracker tracker) => string.Join(
            ' ',
            ((PresenceTracker)tracker).CountsOnly!.Summaries.Shard.Index.List(Topic).Select(e => $"{e.Key} {e.Dot}"));
    }

    private static async Task UntilAsync(string what, Func<bool> condition) =>
        await TestTimeouts.UntilAsync(what, TestTimeout, condition);

    private sealed class Handler(Awaited<string> topics) : IPresenceHandler
    {
        public ValueTask InitAsync(PresenceHandlerContext context, CancellationToken cancellation) => default;

        public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
        {
            foreach (var topic in diff.Topics)
            {
                topics.Add(topic.Topic);
            }

            return default;
        }
    }
}
