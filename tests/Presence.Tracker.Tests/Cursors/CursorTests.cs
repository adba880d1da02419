using Presence.Tracker.Cursors;

namespace Presence.Tracker.Tests.Cursors;

/// <summary>Readers that come back with a cursor get exactly what they missed, or the state.</summary>
public class CursorTests(ITestOutputHelper output)
{
    private static readonly ReplicaId A = new("a", 1);
    private static readonly ReplicaId B = new("b", 1);

    [Fact]
    public void Picture_and_answer_are_the_current_picture_in_random_histories()
    {
        int exact = 0, asked = 0, exactElsewhere = 0, elsewhere = 0;
        for (var seed = 0; seed < 60; seed++)
        {
            var history = new CursorHistory(seed);
            history.Run(120, faults: seed % 2 == 1);
            (exact, asked) = (exact + history.Exact, asked + history.Asked);
            (exactElsewhere, elsewhere) = (exactElsewhere + history.ExactElsewhere, elsewhere + history.Elsewhere);
        }

        output.WriteLine($"{exact} of {asked} exact; elsewhere {exactElsewhere} of {elsewhere}");
        Assert.True(exact > asked * 3 / 4, $"{exact} of {asked} were exact");
        Assert.True(exactElsewhere > elsewhere * 2 / 3, $"{exactElsewhere} of {elsewhere} were exact elsewhere");
    }

    [Theory]
    [InlineData((int)CursorDefect.IgnoresHiddenOwners)]
    [InlineData((int)CursorDefect.Unchecked)]
    public void Random_histories_detect(int defect) => Assert.ThrowsAny<Exception>(() =>
    {
        for (var seed = 0; seed < 60; seed++)
        {
            new CursorHistory(seed, (CursorDefect)defect).Run(120, faults: true);
        }
    });

    [Fact]
    public void Presences_of_a_node_that_is_hidden_since_leave_and_of_one_that_is_shown_since_join()
    {
        var nodes = Nodes.Named("a", "b", "c");
        nodes["a"].Track("ann");
        nodes["b"].Track("bob");
        nodes.Settle();
        var cursor = CursorOf(nodes["c"]);
        nodes.Pass(TimeSpan.FromSeconds(60), (from, to, _) => from == "a" || to == "a", name => name != "a");
        Assert.Equal(["bob"], nodes["c"].Keys());
        Assert.Equal("-ann", Missed(nodes["c"], cursor));
        var hidden = CursorOf(nodes["c"]);
        nodes.Settle();
        Assert.Equal("+ann", Missed(nodes["c"], hidden));
        Assert.Equal("", Missed(nodes["c"], cursor));
    }

    [Fact]
    public void Answer_of_another_node_has_leaves_updates_and_joins_with_their_versions_and_reasons()
    {
        var nodes = Nodes.Named("a", "b");
        nodes["a"].Track("ann");
        nodes["a"].Track("bob", """{"v":1}""");
        nodes.Settle();
        var cursor = CursorOf(nodes["a"]);
        nodes["a"].Untrack("ann");
        nodes["a"].Update("bob", """{"v":2}""");
        nodes["b"].Track("cid");
        nodes["b"].Track("dan");
        nodes["b"].Untrack("dan");
        nodes.Settle();
        Assert.Equal("""-ann +cid ~bob{"v":1}>{"v":2}""", Missed(nodes["b"], cursor));
        var left = Since(nodes["b"], cursor)![0];
        Assert.Equal(LeaveReason.Untracked, left.Reason);
        Assert.Equal("ann", left.LastShown!.Key);
    }

    [Fact]
    public void Leave_and_join_that_the_reader_knows_do_not_make_a_later_update_a_leave()
    {
        var nodes = Nodes.Named("a", "b", "c");
        nodes["a"].Track("ann", """{"v":1}""");
        nodes.Settle();
        nodes["b"].Track("bob");
        nodes.Pass(TimeSpan.FromSeconds(1), (from, to, _) => from == "b" && to == "c");
        nodes["a"].Untrack("ann");
        nodes["a"].Track("ann", """{"v":2}""");
        nodes.Pass(TimeSpan.FromSeconds(1), (from, to, _) => from == "b" && to == "c");
        Assert.Equal(["ann"], nodes["c"].Keys());
        var cursor = CursorOf(nodes["c"]);
        nodes["a"].Update("ann", """{"v":3}""");
        Assert.Equal("""+bob ~ann{"v":2}>{"v":3}""", Missed(nodes["a"], cursor));
    }

    [Fact]
    public void Reader_needs_the_state_if_too_little_is_remembered()
    {
        var nodes = Nodes.WithPresence("ann");
        var cursor = CursorOf(nodes["b"]);
        nodes["a"].Untrack("ann");
        nodes.Settle();
        nodes["b"].Changes.Clear();
        Assert.Null(Since(nodes["b"], cursor));
    }

    [Fact]
    public void Cursor_of_another_topic_and_one_with_a_false_total_need_the_state()
    {
        var nodes = Nodes.WithPresence("ann");
        var list = nodes["b"].Shard.Index.List("t");
        var other = TopicCursor.Of(TopicDigest.Of("other", list))!.Text;
        Assert.Null(Since(nodes["b"], other));
        var digest = TopicDigest.Of("t", list);
        digest.Add(new PresenceEntry(A, 1, 1, 0, 1, "t", "x", default));
        digest.Remove(new PresenceEntry(A, 1, 1, 0, 1, "t", "y", default));
        Assert.Null(Since(nodes["b"], TopicCursor.Of(digest)!.Text));
    }

    [Theory]
    [InlineData(1, 28)]
    [InlineData(16, 200)]
    [InlineData(64, 800)]
    public void Cursor_of_some_nodes_is_short(int nodes, int max)
    {
        var text = TopicCursor.Of(DigestOf(nodes))!.Text;
        Assert.InRange(text.Length, 1, max);
        Assert.True(TopicCursor.TryParse(text, out var cursor));
        Assert.Equal(text, cursor.Text);
        Assert.Empty(cursor.Differences(DigestOf(nodes)));
    }

    [Fact]
    public void Presences_of_more_than_64_nodes_have_no_cursor() => Assert.Null(TopicCursor.Of(DigestOf(65)));

    [Fact]
    public void Text_of_a_cursor_is_the_same_in_every_version()
    {
        var digest = new TopicDigest("lobby");
        digest.Add(new PresenceEntry(A, 3, 3, 0, 1, "lobby", "ann", default));
        digest.Add(new PresenceEntry(B, 4, 4, 0, 1, "lobby", "bob", default));
        Assert.Equal("AbzAc8y3_woKpLwSA_jPlfrUjMe9CG2sqQ", TopicCursor.Of(digest)!.Text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("AQAAAAAAAAA")]
    [InlineData("AgAAAAAAAAAA")]
    [InlineData("AQAAAAAAAAAAAQ")]
    [InlineData("AQAAAAAA AAAA")]
    [InlineData("AQAAAAAAAAAA\u00e9")]
    [InlineData("AQAAAAAAAAAAAAABAAAAAAIAAAEAAAAAAw")]
    public void Text_that_is_no_cursor_is_rejected(string text) => Assert.False(TopicCursor.TryParse(text, out _));

    [Fact]
    public void Longer_text_than_any_cursor_is_rejected() =>
        Assert.False(TopicCursor.TryParse(new string('A', 100_000), out _));

    private static TopicDigest DigestOf(int nodes) => TopicDigest.Of("t", Enumerable.Range(0, nodes).Select(
        i => new PresenceEntry(new ReplicaId($"n{i}", 1), 9, 9, 0, 1, "t", $"k{i}", default)));

    private static string CursorOf(NodeHost node) =>
        TopicCursor.Of(TopicDigest.Of("t", node.Shard.Index.List("t")))!.Text;

    private static IReadOnlyList<PresenceChange>? Since(NodeHost node, string text)
    {
        Assert.True(TopicCursor.TryParse(text, out var cursor));
        var digest = TopicDigest.Of("t", node.Shard.Index.List("t"));
        return CursorDifference.Since(cursor, digest, Enumerable.Reverse(node.Changes));
    }

    private static string Missed(NodeHost node, string text)
    {
        var missed = Since(node, text);
        Assert.NotNull(missed);
        return string.Join(" ", missed.Select(c => c.Kind switch
        {
            PresenceChangeKind.Joined => $"+{c.Entry.Key}",
            PresenceChangeKind.Updated => $"~{c.Entry.Key}{c.LastShown!.Meta}>{c.Entry.Meta}",
            _ => $"-{c.Entry.Key}",
        }).OrderBy(text => "-+~".IndexOf(text[0], StringComparison.Ordinal)));
    }
}
