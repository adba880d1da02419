namespace Presence.Tracker.Tests.Index;

public sealed class PresenceIndexTests
{
    private readonly NodeHost _a = Nodes.Named("a")["a"];

    [Fact]
    public void Pages_have_whole_keys_in_order_and_end()
    {
        for (ulong process = 1; process <= 3; process++)
        {
            foreach (var key in new[] { "c", "a", "b", "é", "__proto__" })
            {
                _a.Track(key, process: process);
            }
        }

        var seen = new List<string>();
        string? after = null;
        do
        {
            var page = _a.Shard.Index.List("t").Page(after, 2);
            seen.AddRange(page.Entries.Select(e => e.Key));
            after = page.Next;
        }
        while (after is not null);
        Assert.Equal(new[] { "__proto__", "a", "b", "c", "é" }.SelectMany(k => Enumerable.Repeat(k, 3)), seen);
        Assert.Equal((15, 5), (_a.Shard.Index.List("t").Count, _a.Shard.Index.List("t").KeyCount));
    }

    [Fact]
    public void Key_is_found_with_all_its_presences_and_no_others()
    {
        _a.Track("1", process: 1);
        _a.Track("1", process: 2);
        _a.Track("11", process: 1);
        Assert.Equal(2, _a.Shard.Index.List("t").GetByKey("1").Count);
        Assert.Single(_a.Shard.Index.List("t").GetByKey("11"));
        Assert.Empty(_a.Shard.Index.List("t").GetByKey("111"));
        Assert.Empty(_a.Shard.Index.List("nowhere").GetByKey("1"));
    }

    [Fact]
    public void Topics_of_a_key_come_and_go_with_its_presences()
    {
        foreach (var topic in new[] { "t3", "t1", "t2" })
        {
            _a.Track("k", topic: topic);
        }

        _a.Track("k", process: 2, topic: "t2");
        Assert.Equal(["t1", "t2", "t3"], _a.Shard.Index.TopicsOf("k"));
        _a.Untrack("k", topic: "t2");
        _a.Untrack("k", topic: "t1");
        Assert.Equal(["t2", "t3"], _a.Shard.Index.TopicsOf("k"));
        _a.End(2);
        _a.End(1);
        Assert.Empty(_a.Shard.Index.TopicsOf("k"));
        Assert.Equal(0, _a.Shard.Index.Count);
    }

    [Fact]
    public void Topics_are_paged_in_order_without_empty_ones()
    {
        for (var i = 0; i < 100; i++)
        {
            _a.Track("k", topic: $"t{i:D2}");
        }

        _a.Untrack("k", topic: "t51");
        Assert.Equal(["t50", "t52"], _a.Shard.Index.Topics("t49", 2).Select(t => t.Topic));
        Assert.Equal(99, _a.Shard.Index.Topics(null, 1000).Count);
    }

    [Fact]
    public void Snapshot_never_changes()
    {
        _a.Track("k1");
        var before = _a.Shard.Index.List("t");
        _a.Track("k2");
        _a.Update("k1", """{"v":1}""");
        _a.Untrack("k1");
        Assert.Equal("t/k1 a#1:1 {}", Assert.Single((IEnumerable<PresenceEntry>)before).ToString());
    }

    [Fact]
    public void Ref_is_equal_on_all_nodes_and_new_with_each_version()
    {
        var nodes = Nodes.Named("a", "b");
        var first = nodes["a"].Track("k");
        var second = nodes["a"].Update("k", """{"v":1}""");
        nodes.Settle();
        var there = nodes["b"].Shard.Index.List("t").Single();
        Assert.Equal((second.Ref, first.Ref), (there.Ref, there.PreviousRef));
        Assert.NotEqual(first.Ref, second.Ref);
        Assert.Matches("^[A-Za-z0-9_-]{16}$", second.Ref);
    }
}
