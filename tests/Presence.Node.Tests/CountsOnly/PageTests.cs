using Presence.Node.CountsOnly;
using Presence.Node.Hosting;
using Presence.Tracker.Wire;

namespace Presence.Node.Tests.CountsOnly;

/// <summary>Pages of counts-only topics, which are read from the nodes that have presences.</summary>
public sealed class PageTests
{
    private const string Topic = "live:1";

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task Pages_have_the_presences_of_all_nodes_in_key_order_each_once(int limit)
    {
        await using var cluster = await TestCluster.OfAsync(3, Configure);
        await TestCluster.UntilNodesAsync(cluster, 3);
        var expected = new List<(string Key, string Node)>();
        for (var node = 0; node < 3; node++)
        {
            var keys = Enumerable.Range(node * 5, 10).Select(i => $"user {i:00}").ToArray();
            await cluster.Tracker(node).TrackManyAsync(
                cluster[node].OpenSession(), [.. keys.Select(key => Request(key, node))]);
            expected.AddRange(keys.Select(key => (key, $"n{node}")));
        }

        await UntilCountAsync(cluster, 30);
        for (var node = 0; node < 3; node++)
        {
            var (tracker, seen, pages) = (cluster.Tracker(node), new List<PresenceEntry>(), 0);
            string? after = null;
            do
            {
                var page = await tracker.PageAsync(Topic, after, limit);
                Assert.InRange(page.Entries.Select(e => e.Key).Distinct().Count(), 1, limit);
                seen.AddRange(page.Entries);
                after = page.Next;
                Assert.InRange(++pages, 1, 30);
            }
            while (after is not null);

            Assert.Equal(expected.Order(), seen.Select(e => (e.Key, e.Owner.Node)));
            Assert.All(seen, e => Assert.Equal($$"""{"node":{{e.Owner.Node[1..]}}}""", e.Meta.ToString()));
            Assert.Equal(30, seen.Select(e => e.Ref).Distinct().Count());
            Assert.All(seen, e => Assert.Equal(Topic, e.Topic));
        }
    }

    [Fact]
    public async Task Page_of_another_topic_is_that_of_its_list()
    {
        await using var cluster = await TestCluster.OfAsync(1, Configure);
        var (tracker, session) = cluster.First();
        await tracker.TrackManyAsync(session, [new("lobby", "ann"), new("lobby", "bob")]);
        var page = await tracker.PageAsync("lobby", null, 1);
        Assert.Equal(["ann"], page.Entries.Select(e => e.Key));
        Assert.Equal("ann", page.Next);
        Assert.Empty((await tracker.PageAsync("live:none", "", 1)).Entries);
    }

    [Fact]
    public async Task Page_fails_when_an_owner_does_not_answer_in_time_and_names_it()
    {
        var time = new TestTime();
        await using var cluster = await TestCluster.OfAsync(2, Configure, time);
        await cluster.Tracker(1).TrackAsync(cluster[1].OpenSession(), Topic, "ann");
        await TestTimeouts.UntilAsync("n0 counts it", TestTimeout, () => cluster.Tracker(0).Count(Topic) == 1);
        Assert.Single((await cluster.Tracker(0).PageAsync(Topic, null, 10)).Entries);
        cluster.InMemory.Kill("n1");
        var e = await Assert.ThrowsAsync<TimeoutException>(() => cluster.Tracker(0).PageAsync(Topic, null, 10));
        Assert.Contains("'n1'", e.Message, StringComparison.Ordinal);
        using var canceled = new CancellationTokenSource();
        await canceled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => cluster.Tracker(0).PageAsync(Topic, null, 10, canceled.Token));
    }

    [Fact]
    public async Task Owner_that_accepts_and_never_answers_is_waited_for_two_seconds()
    {
        var time = new TestTime();
        await using var cluster = await TestCluster.OfAsync(1, Configure, time);
        var tampered = new TamperedTransport(cluster.InMemory.CreateTransport("n1"));
        await cluster.AddAsync("n1", Configure, tampered);
        await cluster.Tracker(0).TrackAsync(cluster[0].OpenSession(), Topic, "ann");
        await TestTimeouts.UntilAsync("n1 counts it", TestTimeout, () => cluster.Tracker(1).Count(Topic) == 1);
        tampered.OnRequest = (_, _) => new(true);
        var page = cluster.Tracker(1).PageAsync(Topic, null, 10);
        Assert.False(page.IsCompleted);
        time.Advance(TopicPages.Timeout);
        await Assert.ThrowsAsync<TimeoutException>(() => page);
    }

    [Fact]
    public async Task Limits_and_keys_out_of_range_are_rejected_before_anybody_is_asked()
    {
        await using var cluster = await TestCluster.OfAsync(1, Configure);
        var tracker = cluster.Tracker(0);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => tracker.PageAsync(Topic, null, 0));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => tracker.PageAsync(Topic, null, TopicPages.MaxKeys + 1));
        await Assert.ThrowsAsync<PresenceLimitException>(() => tracker.PageAsync(Topic, new string('x', 256), 1));
        await Assert.ThrowsAsync<PresenceLimitException>(
            () => tracker.PageAsync("live:" + new string('x', 256), null, 1));
    }

    [Fact]
    public void Part_of_large_metadata_has_fewer_keys_and_at_least_one()
    {
        var large = PresenceMeta.Parse($$"""{"x":"{{new string('x', TopicPages.MaxBytes / 4)}}"}""");
        var topic = Snapshot([.. Enumerable.Range(0, 9).Select(i => ($"{i / 3}", large))]);
        var part = TopicPages.PartOf(1, topic, null, 100);
        Assert.True(part.HasMore);
        Assert.Equal(6, part.Entries.Count);
        var rest = TopicPages.PartOf(1, topic, part.Entries[^1].Key, 100);
        Assert.False(rest.HasMore);
        Assert.Equal(3, rest.Entries.Count);
    }

    [Fact]
    public void Merge_stops_at_the_last_key_of_a_part_that_has_more()
    {
        var (a, b) = (Part("n0", true, "a", "c"), Part("n1", false, "b", "c", "d"));
        var page = TopicPages.Merge([a, b], 10);
        Assert.Equal(["a", "b", "c", "c"], page.Entries.Select(e => e.Key));
        Assert.Equal("c", page.Next);
        var all = TopicPages.Merge([a with { HasMore = false }, b], 10);
        Assert.Equal(["a", "b", "c", "c", "d"], all.Entries.Select(e => e.Key));
        Assert.Null(all.Next);
        Assert.Equal("b", TopicPages.Merge([a, b], 2).Next);
        Assert.Equal("c", TopicPages.Merge([a with { HasMore = false }, b], 3).Next);
        Assert.Null(TopicPages.Merge([Part("n0", false)], 3).Next);
    }

    [Fact]
    public void Frames_round_trip()
    {
        PageRequest[] requests =
        [
            new(7, "presence", Topic, null, 100),
            new(ulong.MaxValue, "presence", Topic, "ann", 1),
        ];
        Assert.All(requests, request => Assert.Equal(request, Decode(request.Encode())));
        var answer = Part("n1", true, "a", "a", "b");
        var read = Assert.IsType<PageAnswer>(Decode(answer.Encode()));
        Assert.Equal((answer.Number, answer.Topic, true), (read.Number, read.Topic, read.HasMore));
        Assert.Equal(
            answer.Entries.Select(e => (e.Key, e.Ref, e.Dot, e.Process, e.Meta)),
            read.Entries.Select(e => (e.Key, e.Ref, e.Dot, e.Process, e.Meta)));
    }

    [Fact]
    public void Bytes_of_another_form_are_rejected()
    {
        byte[][] frames =
        [
            [],
            [2, 1, 0],
            [1, 3, 0],
            [1, 2, 0, 0, 0, 255, 255, 3],
            Part("n1", false, "b", "a").Encode(),
            Part("n1", true).Encode(),
            Part("n1", false, new string('k', 256)).Encode(),
        ];
        Assert.All(frames, frame => Assert.Throws<ShardFrameException>(() => Decode(frame)));
        var random = new Random(11);
        var valid = Part("n1", true, "a", "b", "c").Encode();
        for (var i = 0; i < 5000; i++)
        {
            byte[] broken = [.. valid];
            broken[random.Next(broken.Length)] = (byte)random.Next(256);
            try
            {
                Decode(broken.AsSpan(0, random.Next(1, broken.Length + 1)).ToArray());
            }
            catch (ShardFrameException)
            {
            }
        }
    }

    [Fact]
    public async Task Answers_that_nobody_waits_for_and_requests_out_of_range_are_not_accepted()
    {
        await using var cluster = await TestCluster.OfAsync(2, Configure);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var node = (PresenceNode)cluster[0];
        PageFrame[] frames =
        [
            Part("n1", false, "a"),
            new PageRequest(1, "presence", Topic, null, 0),
            new PageRequest(1, "presence", Topic, null, int.MaxValue),
            new PageRequest(1, "unknown", Topic, null, 1),
        ];
        foreach (var frame in frames)
        {
            Assert.False(await node.OnRequestAsync("n1", new ClusterFrame("pages", 0, frame.Encode())));
        }

        Assert.False(await node.OnRequestAsync("n1", new ClusterFrame("pages", 0, new byte[] { 9 })));
        Assert.True(await node.OnRequestAsync(
            "n1", new ClusterFrame("pages", 0, new PageRequest(1, "presence", Topic, null, 1).Encode())));
    }

    private static void Configure(PresenceOptions options) =>
        options.Tracker.AddCountsOnly("live:*", TimeSpan.FromMilliseconds(100));

    private static PageFrame Decode(byte[] frame) => PageFrame.Decode("n1", frame, new PresenceLimits());

    private static TrackRequest Request(string key, int node) =>
        new(Topic, key, PresenceMeta.Parse($$"""{"node":{{node}}}"""));

    private static async Task UntilCountAsync(TestCluster cluster, int count)
    {
        for (var node = 0; node < 3; node++)
        {
            var tracker = cluster.Tracker(node);
            await TestTimeouts.UntilAsync($"n{node} counts all", TestTimeout, () => tracker.Count(Topic) == count);
        }
    }

    private static PageAnswer Part(string node, bool hasMore, params string[] keys) => new(
        3,
        Topic,
        [.. keys.Select((key, i) => Entry(node, (ulong)i + 1, key, PresenceMeta.Parse($$"""{"i":{{i}}}""")))],
        hasMore);

    private static TopicSnapshot Snapshot((string Key, PresenceMeta Meta)[] all)
    {
        var set = new PresenceSet(Topic);
        set.Apply([.. all.Select((e, i) => PresenceChange.Joined(Entry("n0", (ulong)i + 1, e.Key, e.Meta)))]);
        return set.Current;
    }

    private static PresenceEntry Entry(string node, ulong sequence, string key, PresenceMeta meta) =>
        new(new ReplicaId(node, 1), sequence, sequence, 0, sequence, Topic, key, meta);
}
