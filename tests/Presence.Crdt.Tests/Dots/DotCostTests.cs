namespace Presence.Crdt.Tests.Dots;

public sealed class DotCostTests
{
    [Theory]
    [InlineData("join")]
    [InlineData("update")]
    [InlineData("leave")]
    [InlineData("removed")]
    public void Delta_of_one_allocates_the_same_into_a_million_as_into_a_hundred(string change)
    {
        var small = AllocatedBytes.Fewest(() => Allocated(change, 100));
        Assert.InRange(small, 1, 4096);
        Assert.Equal(small, AllocatedBytes.Fewest(() => Allocated(change, 1_000_000)));
    }

    [Fact]
    public void Missing_dots_are_found_in_a_million_without_copying_them()
    {
        var state = Filled(1_000_000);
        var seen = new IntervalSet(new Interval(1, 999_999));
        var bytes = AllocatedBytes.Fewest(() => AllocatedBytes.Of(() => RepairPlan.For(state, seen)));
        Assert.InRange(bytes, 1, 4096);
        Assert.Equal([1_000_000UL], RepairPlan.For(state, seen).Values);
    }

    [Fact]
    public void Contexts_removed_sets_and_logs_stay_small_under_churn()
    {
        const int present = 20, capacity = 50;
        var owner = new Owner(capacity);
        var peer = new ReplicaState<Value>(capacity);
        for (var i = 0; i < 20_000; i++)
        {
            owner.Join($"k{i}");
            owner.Update($"k{i}");
            owner.Leave($"k{i - present}");
            peer.Merge(owner.Cut());
            owner.Windows.Clear();
            foreach (var dots in new[] { owner.State, peer })
            {
                Assert.Equal(1, dots.Context.IntervalCount);
                Assert.InRange(dots.Removed().IntervalCount, 0, present + 1);
                Assert.InRange(dots.Log.DotCount, 0, capacity);
                Assert.InRange(dots.Log.Count, 0, capacity);
            }
        }

        Assert.Equal(present, peer.Count);
    }

    [Fact]
    public void Lost_frames_leave_gaps_that_requests_do_not_grow_with_and_a_repair_closes()
    {
        var owner = new Owner(logCapacity: 50);
        var peer = new Peer(logCapacity: 50);
        for (var round = 0; round < 20; round++)
        {
            for (var i = 0; i < 300; i++)
            {
                owner.Join($"k{round}-{i}");
                owner.Leave($"k{round}-{i - 10}");
                var window = owner.Cut();
                if (i % 2 == 0)
                {
                    peer.Receive(new Frame(window));
                }
            }

            Assert.InRange(peer.Dots.Context.IntervalCount, 100, 301);
            var seen = peer.Dots.Context.Bounded(64);
            Assert.InRange(seen.IntervalCount, 0, 64);
            Peer.Respond(owner.State, seen, 16).ForEach(peer.Receive);
            Truth.AssertComplete(owner, peer.Dots);
            Assert.Equal(1, peer.Dots.Context.IntervalCount);
            Assert.InRange(peer.Dots.Log.DotCount, 0, 50);
        }
    }

    [Fact]
    public void Removed_intervals_between_many_live_values_end_none_of_them_and_leave_one_interval()
    {
        const ulong live = 20_000, gap = 1000;
        var late = new ReplicaState<Value>();
        var removed = new IntervalSet();
        for (var i = 1UL; i <= live; i++)
        {
            late.Add(i * gap, new Value(i * gap, "k"));
            removed.Add(new Interval(((i - 1) * gap) + 1, (i * gap) - 1));
        }

        Assert.Equal((int)live, late.Context.IntervalCount);
        var merged = new MergeResult<Value>();
        late.MarkRemoved(removed, merged);
        Assert.Equal((1, live * gap, (int)live, 0),
            (late.Context.IntervalCount, late.Context.Max, late.Count, merged.Left.Count));
    }

    private static long Allocated(string change, int size)
    {
        var state = Filled(size);
        var next = (ulong)size + 1;
        // A used and free place, so that the rare growth of a table does not count.
        state.Add(next, new Value(next, "gone"));
        state.MarkRemoved(new Interval(next, next));
        state.Remove(new Removal(next + 1, 0, new[] { 1UL }));
        var delta = new ReplicaState<Value>();
        switch (change)
        {
            case "join":
                delta.Add(next + 2, new Value(next + 2, "k"));
                break;
            case "update":
                delta.Remove(new Removal(next + 2, 0, new[] { 5UL }));
                delta.Add(next + 3, new Value(next + 3, "k"));
                break;
            case "leave":
                delta.Remove(new Removal(next + 2, 0, new[] { 5UL }));
                break;
            default:
                delta.MarkRemoved(new Interval(5, 5));
                break;
        }

        var merged = new MergeResult<Value>();
        var bytes = AllocatedBytes.Of(() => state.Merge(delta, merged));
        Assert.Equal(change is "join" or "update" ? 1 : 0, merged.Joined.Count);
        Assert.Equal(change == "join" ? 0 : 1, merged.Left.Count);
        return bytes;
    }

    private static ReplicaState<Value> Filled(int size)
    {
        var state = new ReplicaState<Value>();
        var value = new Value(0, "k");
        for (var dot = 1UL; dot <= (ulong)size; dot++)
        {
            state.Add(dot, value);
        }

        return state;
    }
}
