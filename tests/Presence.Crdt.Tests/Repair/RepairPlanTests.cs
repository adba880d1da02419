namespace Presence.Crdt.Tests.Repair;

public sealed class RepairPlanTests
{
    [Fact]
    public void Requester_that_lacks_nothing_gets_nothing()
    {
        var owner = Lived(logCapacity: 1);
        Assert.True(RepairPlan.For(owner.State, owner.State.Context).IsEmpty);
        Assert.True(RepairPlan.For(new ReplicaState<Value>(), new IntervalSet()).IsEmpty);
    }

    [Fact]
    public void Requester_that_knows_more_gets_nothing()
    {
        var owner = Lived();
        var behind = Truth.Merged(owner.Windows[0]);
        Assert.True(RepairPlan.For(behind, owner.State.Context).IsEmpty);
    }

    [Fact]
    public void Requester_without_a_removal_gets_its_tick_and_all_its_dots()
    {
        var owner = new Owner();
        owner.Join("x");
        owner.Join("y");
        var first = Truth.Merged(owner.Cut());
        owner.Leave("x", "y");
        var plan = RepairPlan.For(owner.State, first.Context);
        var removal = Assert.Single(plan.Removals);
        Assert.Equal((3UL, "1,2"), (removal.Tick, string.Join(",", removal.Removed.ToArray())));
        Assert.Empty(plan.Values);
        Assert.Null(plan.AllRemoved);
    }

    [Fact]
    public void Requester_without_the_tick_and_the_values_gets_the_whole_removal()
    {
        var owner = Lived();
        var plan = RepairPlan.For(owner.State, new IntervalSet());
        Assert.All(plan.Removals, r => Assert.Equal(owner.Ticks[r.Tick], r.Removed.ToArray()));
        Assert.Equal(owner.Ticks.Keys.Order(), plan.Removals.Select(r => r.Tick));
        Assert.Equal(owner.Model.Values.Order(), plan.Values);
    }

    [Fact]
    public void Cut_plan_holds_all_that_is_missing_up_to_its_last_value()
    {
        var owner = Lived();
        owner.Join("v");
        owner.Join("w");
        owner.Leave("v");

        // Live are 3 and 7; 4 removed 1, 5 removed 2, and 8 removed 6.
        var cut = RepairPlan.For(owner.State, new IntervalSet(), maxValues: 1);
        Assert.Equal((3UL, true), (Assert.Single(cut.Values), cut.More));
        Assert.Equal([4UL, 5UL], cut.Removals.Select(r => r.Tick));
        var rest = RepairPlan.For(owner.State, new IntervalSet(new Interval(1, 5)), maxValues: 1);
        Assert.Equal((7UL, false), (Assert.Single(rest.Values), rest.More));
        Assert.Equal([8UL], rest.Removals.Select(r => r.Tick));
    }

    [Fact]
    public void Cut_plan_has_removed_dots_only_up_to_its_last_value_if_the_log_has_dropped_removals()
    {
        var owner = Lived(logCapacity: 1);
        owner.Join("w");
        var cut = RepairPlan.For(owner.State, new IntervalSet(), maxValues: 1);
        Assert.Equal("1-2", cut.AllRemoved!.ToString());
        Assert.True(cut.More);
    }

    [Fact]
    public void Plan_has_all_removed_dots_if_the_log_has_dropped_removals()
    {
        var owner = Lived(logCapacity: 1);
        var plan = RepairPlan.For(owner.State, new IntervalSet(new Interval(1, 3)));
        Assert.Equal("1-2,4-5", plan.AllRemoved!.ToString());
        Assert.Empty(plan.Removals);
    }

    [Fact]
    public void Plan_has_removals_if_the_log_covers_what_is_missing()
    {
        var owner = Lived(logCapacity: 1);
        var plan = RepairPlan.For(owner.State, new IntervalSet(new Interval(1, 4)));
        Assert.Null(plan.AllRemoved);
        Assert.Equal(5UL, Assert.Single(plan.Removals).Tick);
    }

    [Fact]
    public void Removed_dots_without_removals_are_passed_on_as_all_removed_dots()
    {
        var state = new ReplicaState<Value>();
        state.MarkRemoved(new Interval(1, 5));
        Assert.Equal("1-5", RepairPlan.For(state, new IntervalSet(new Interval(1, 2))).AllRemoved!.ToString());
    }

    [Fact]
    public void Reduced_request_gets_more_than_needed_and_changes_nothing_twice()
    {
        var owner = Lived();
        var peer = new Peer();
        owner.Windows.ForEach(w => peer.Receive(new Frame(w)));
        var before = peer.Dots.DescribeWithLog();
        Peer.Respond(owner.State, new IntervalSet(), 2).ForEach(peer.Receive);
        Assert.Equal(before, peer.Dots.DescribeWithLog());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Lost_part_of_the_removed_intervals_stays_visible_and_is_requested_again(int lost)
    {
        var owner = new Owner(logCapacity: 1);
        var peer = new Peer();
        for (var i = 0; i < 9; i++)
        {
            owner.Join($"k{i}");
            peer.Receive(new Frame(owner.Cut()));
        }

        // Removed are 1, 4, 7 and the ticks 10 to 12: four intervals with live values between them.
        owner.Leave("k0");
        owner.Leave("k3");
        owner.Leave("k6");
        var parts = Peer.Respond(owner.State, peer.Dots.Context.Bounded(64), 1);
        Assert.Equal(4, parts.Count);
        parts.RemoveAt(lost);
        parts.ForEach(peer.Receive);
        Truth.AssertConsistent(owner, peer.Dots);
        Assert.Equal(9UL, peer.Dots.Context.Prefix);
        Assert.Equal(7, peer.Dots.Count);
        Peer.Respond(owner.State, peer.Dots.Context.Bounded(64), 1).ForEach(peer.Receive);
        Truth.AssertComplete(owner, peer.Dots);
    }

    [Fact]
    public void Removed_dot_without_its_tick_is_passed_on_with_the_tick_and_not_before()
    {
        var owner = new Owner(logCapacity: 1);
        var (ahead, other) = (new Peer(), new Peer());
        foreach (var key in new[] { "x", "y", "z" })
        {
            owner.Join(key);
        }

        var joins = new Frame(owner.Cut());
        ahead.Receive(joins);
        other.Receive(joins);
        owner.Leave("x");
        owner.Leave("z");
        // Only the first of two parts arrives.
        Assert.Equal("1,3-5", owner.State.Removed().ToString());
        ahead.Receive(Peer.Respond(owner.State, ahead.Dots.Context, 1)[0]);
        Assert.Equal((DotState.Removed, DotState.Live), (ahead.Dots.StateOf(1), other.Dots.StateOf(1)));
        Assert.Empty(Peer.Respond(ahead.Dots, other.Dots.Context, 1));
        Peer.Respond(owner.State, ahead.Dots.Context, 1).ForEach(ahead.Receive);
        Peer.Respond(ahead.Dots, other.Dots.Context, 1).ForEach(other.Receive);
        Truth.AssertComplete(owner, other.Dots);
    }

    [Fact]
    public void Parts_of_two_answers_are_not_mixed()
    {
        var owner = new Owner(logCapacity: 1);
        var peer = new Peer();
        owner.Join("x");
        owner.Join("y");
        peer.Receive(new Frame(owner.Cut()));
        owner.Leave("x");
        var first = Peer.Respond(owner.State, new IntervalSet(), 1);
        owner.Join("z");
        owner.Leave("y");
        var second = Peer.Respond(owner.State, new IntervalSet(), 1).Where(f => f.Index is not null).ToList();
        first.ForEach(peer.Receive);
        second.Skip(1).ToList().ForEach(peer.Receive);
        Truth.AssertConsistent(owner, peer.Dots);
    }

    /// <summary>x, y and z join; x and then y leave: ticks 4 and 5.</summary>
    private static Owner Lived(int logCapacity = int.MaxValue)
    {
        var owner = new Owner(logCapacity);
        foreach (var key in new[] { "x", "y", "z" })
        {
            owner.Join(key);
            owner.Cut();
        }

        owner.Leave("x");
        owner.Cut();
        owner.Leave("y");
        owner.Cut();
        return owner;
    }
}
