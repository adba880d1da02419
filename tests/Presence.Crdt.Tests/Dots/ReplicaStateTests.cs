namespace Presence.Crdt.Tests.Dots;

public sealed class ReplicaStateTests
{
    private readonly ReplicaState<Value> _dots = new();
    private readonly MergeResult<Value> _merged = new();

    [Fact]
    public void Widest_removed_interval_ends_everything_and_terminates()
    {
        Add([.. Enumerable.Range(1, 1000).Select(sequence => (ulong)sequence)]);
        _dots.MarkRemoved(new IntervalSet(new Interval(1, 500), new Interval(502, ulong.MaxValue - 1)), _merged);
        Assert.Equal((1, 999), (_dots.Count, _merged.Left.Count));
        _dots.MarkRemoved(new Interval(501, 501), _merged);
        // Without live values no interval is enumerated.
        _dots.MarkRemoved(new Interval(1, ulong.MaxValue - 1), _merged);
        Assert.Equal((0, 1000), (_dots.Count, _merged.Left.Count));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => _dots.MarkRemoved(new Interval(ulong.MaxValue, ulong.MaxValue), _merged));
        Assert.Throws<ArgumentOutOfRangeException>(() => _dots.MarkRemoved(new Interval(0, ulong.MaxValue), _merged));
    }

    [Fact]
    public void Dot_is_unknown_then_live_then_removed_and_never_goes_back()
    {
        Assert.Equal(DotState.Unknown, _dots.StateOf(1));
        Assert.True(_dots.Add(1, new Value(1, "k")));
        Assert.Equal(DotState.Live, _dots.StateOf(1));
        Assert.False(_dots.Add(1, new Value(1, "other")));
        Assert.Equal("k", _dots.Live[1].Key);
        _dots.Remove(new Removal(2, 0, new[] { 1UL }));
        Assert.Equal((DotState.Removed, DotState.Removed), (_dots.StateOf(1), _dots.StateOf(2)));
        Assert.False(_dots.Add(1, new Value(1, "k")));
        Assert.False(_dots.Add(2, new Value(2, "k")));
        Assert.Equal((DotState.Removed, 0), (_dots.StateOf(1), _dots.Count));
        Assert.False(_dots.TryGet(1, out _));
    }

    [Fact]
    public void Removal_that_arrives_before_its_value_excludes_the_value()
    {
        _dots.Remove(new Removal(2, 0, new[] { 1UL }), _merged);
        Assert.Empty(_merged.Left);
        Assert.False(_dots.Add(1, new Value(1, "k")));
        Assert.Equal("seen 1-2 live ", _dots.Describe());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Removals_applied_together_equal_removals_applied_one_by_one(int seed)
    {
        var random = new Random(seed);
        var (one, oneMerged) = (new ReplicaState<Value>(20), new MergeResult<Value>());
        var together = new ReplicaState<Value>(20);
        var sequence = 0UL;
        for (var round = 0; round < 50; round++)
        {
            for (var i = 0; i < 20; i++)
            {
                sequence += (ulong)random.Next(1, 3);
                Assert.Equal(one.Add(sequence, new Value(sequence, "k")),
                    together.Add(sequence, new Value(sequence, "k")));
            }

            // Some twice, some out of order, some of removed or unknown dots.
            var removals = new List<Removal>();
            for (var left = random.Next(12); left > 0; left--)
            {
                var tick = ++sequence;
                var dots = Enumerable.Range(0, random.Next(4)).Select(_ => (ulong)random.Next(1, (int)tick)).ToArray();
                removals.Insert(
                    random.Next(3) == 0 ? 0 : removals.Count, new Removal(tick, (byte)random.Next(5), dots));
            }

            removals.AddRange(removals.Take(2).ToArray());
            removals.ForEach(removal => one.Remove(removal, oneMerged));
            together.Remove(removals.ToArray(), _merged);
            Assert.Equal(one.Describe(), together.Describe());
            Assert.Equal(oneMerged.Left, _merged.Left);
            Assert.Equal(one.Log.Removals.ToArray(), together.Log.Removals.ToArray());
        }
    }

    [Fact]
    public void Removals_with_an_invalid_one_are_all_rejected()
    {
        _dots.Add(1, new Value(1, "k"));
        Removal[] removals = [new Removal(2, 0, new[] { 1UL }), new Removal(3, 0, new[] { 3UL })];
        Assert.Throws<ArgumentException>(() => _dots.Remove(removals, _merged));
        Assert.Equal((1, 0), (_dots.Count, _dots.Log.Count));
    }

    [Fact]
    public void Leave_is_reported_once_with_the_note_of_its_removal()
    {
        _dots.Add(1, new Value(1, "k"));
        var removal = new Removal(2, 7, new[] { 1UL });
        _dots.Remove(removal, _merged);
        _dots.Remove(removal, _merged);
        Assert.Equal((new Value(1, "k"), (byte)7), Assert.Single(_merged.Left));
        Assert.Equal(1, _dots.Log.Count);
    }

    [Fact]
    public void Merge_reports_all_joins_ascending_and_then_the_leaves()
    {
        _dots.Add(1, new Value(1, "old"));
        var delta = new ReplicaState<Value>();
        delta.Add(9, new Value(9, "c"));
        delta.Add(3, new Value(3, "a"));
        delta.Remove(new Removal(4, 5, new[] { 1UL }));
        _dots.Merge(delta, _merged);
        Assert.Equal([3UL, 9], _merged.Joined.Select(v => v.Sequence));
        Assert.Equal((1UL, (byte)5), (_merged.Left.Single().Value.Sequence, _merged.Left.Single().Note));
        _merged.Clear();
        _dots.Merge(delta, _merged);
        Assert.Empty(_merged.Joined);
        Assert.Empty(_merged.Left);
    }

    [Theory]
    [InlineData(2, 2)]
    [InlineData(2, 3)]
    [InlineData(2, 0)]
    public void Removal_of_a_dot_that_is_not_below_it_is_rejected_completely(ulong tick, ulong removed)
    {
        _dots.Add(1, new Value(1, "k"));
        Assert.Throws<ArgumentException>(() => _dots.Remove(new Removal(tick, 0, new[] { 1UL, removed }), _merged));
        Assert.Equal(("seen 1 live 1", 0, 0), (_dots.Describe(), _dots.Log.Count, _merged.Left.Count));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(ulong.MaxValue)]
    public void Value_without_a_valid_number_is_rejected_and_leaves_no_trace(ulong sequence)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _dots.Add(sequence, new Value(sequence, "k")));
        Assert.Equal(("seen  live ", 0), (_dots.Describe(), _dots.Count));
    }

    [Fact]
    public void Endless_removed_intervals_are_rejected()
    {
        Add(1, 2);
        var endless = new Interval(ulong.MaxValue - 1, ulong.MaxValue);
        Assert.Throws<ArgumentOutOfRangeException>(() => _dots.MarkRemoved(endless, _merged));
        Assert.Equal("seen 1-2 live 1,2", _dots.Describe());
    }

    [Theory]
    [InlineData(1, 9)]
    [InlineData(2, 2)]
    [InlineData(3, 1000)]
    public void Removed_interval_ends_the_live_values_in_it_and_no_others(ulong first, ulong last)
    {
        Add(1, 2, 3, 10, 2000);
        var expected = _dots.Live.Keys.Where(d => d >= first && d <= last).Order().ToArray();
        _dots.MarkRemoved(new Interval(first, last), _merged);
        Assert.Equal(expected, _merged.Left.Select(l => l.Value.Sequence));
        Assert.Equal(5 - expected.Length, _dots.Count);
        Assert.Equal(DotState.Removed, _dots.StateOf(last));
    }

    [Fact]
    public void MarkKnownRemoved_ignores_unknown_dots()
    {
        Add(1, 3);
        _dots.MarkKnownRemoved(new IntervalSet(new Interval(3, 9)), _merged);
        Assert.Equal(("seen 1,3 live 1", 3UL), (_dots.Describe(), Assert.Single(_merged.Left).Value.Sequence));
    }

    [Fact]
    public void Removed_dots_are_the_context_without_the_live_dots()
    {
        Add(2, 3, 7);
        Assert.Equal("", _dots.Removed().ToString());
        _dots.MarkRemoved(new Interval(1, 1));
        _dots.Remove(new Removal(8, 0, new[] { 3UL }));
        Assert.Equal("1,3,8", _dots.Removed().ToString());
        _dots.Removed().Add(5);
        Assert.Equal("1-3,7-8", _dots.Context.ToString());
        _dots.MarkRemoved(new Interval(1, 8));
        _dots.Removed().Add(10);
        Assert.Equal((0, "1-8"), (_dots.Count, _dots.Context.ToString()));
    }

    [Theory]
    [InlineData("1-3,9", "2,3")]
    [InlineData("2,5-6", "2,5")]
    [InlineData("6-9999", "7000")]
    [InlineData("20-30", "")]
    public void Live_dots_are_found_in_small_and_large_sets(string set, string found)
    {
        Add(7000, 5, 2, 3);
        var within = new IntervalSet();
        foreach (var ends in set.Split(',').Select(p => p.Split('-')))
        {
            within.Add(new Interval(ulong.Parse(ends[0]), ulong.Parse(ends[^1])));
        }

        Assert.Equal(found, string.Join(",", _dots.LiveWithin(within)));
    }

    [Fact]
    public void Finals_are_reported_and_not_part_of_the_state()
    {
        var delta = new ReplicaState<Value>();
        delta.Remove(new Removal(3, 0, new[] { 2UL }));
        delta.AddFinal(2, new Value(2, "k", "last"));
        _dots.Merge(delta, _merged);
        Assert.Equal("last", Assert.Single(_merged.Finals).Meta);
        Assert.Equal(("seen 2-3 live ", 0), (_dots.Describe(), _dots.Finals.Count));
    }

    [Fact]
    public void Map_holds_a_replica_from_empty_and_forgets_it_completely()
    {
        var map = new AddWinsMap<Value>();
        var a = new ReplicaId("a", 1);
        Assert.False(map.TryGet(a, out _));
        map.Hold(a).Add(1, new Value(1, "k"));
        Assert.Equal(1, map.Hold(a).Count);
        Assert.True(map.Forget(a));
        Assert.False(map.Forget(a));
        Assert.True(map.Hold(a).IsEmpty);
    }

    [Fact]
    public void Replicas_are_ordered_by_node_and_then_by_incarnation()
    {
        ReplicaId[] ordered = [new("B", 9), new("a", 2), new("a", 10), new("b", 1)];
        Assert.Equal(ordered, ordered.Reverse().Order());
        Assert.True(ordered[1] < ordered[2] && ordered[2] >= ordered[1]);
        Assert.True(ordered[3] > ordered[2] && ordered[0] <= ordered[1]);
        Assert.Equal("a#2:7", new Dot(ordered[1], 7).ToString());
    }

    private void Add(params ulong[] dots) => Array.ForEach(dots, dot => _dots.Add(dot, new Value(dot, "k")));
}
