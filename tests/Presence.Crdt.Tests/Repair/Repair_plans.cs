namespace Presence.Crdt.Tests.Repair;

public sealed class Repair_plans
{
    [Fact]
    public void Who_lacks_nothing_is_sent_nothing()
    {
        var owner = Lived(logCapacity: 1);
        Assert.True(RepairPlan.For(owner.State, owner.State.Context).IsEmpty);
        Assert.True(RepairPlan.For(new ReplicaDots<Value>(), new IntervalSet()).IsEmpty);
    }

    [Fact]
    public void Who_knows_more_than_the_answerer_is_sent_nothing()
    {
        var owner = Lived();
        var behind = Truth.Merged(owner.Windows[0]);
        Assert.True(RepairPlan.For(behind, owner.State.Context).IsEmpty);
    }

    [Fact]
    public void Who_lacks_a_removal_is_sent_its_tick_and_all_it_removed()
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
        Assert.Null(plan.AllDead);
    }

    [Fact]
    public void Who_lacks_the_tick_but_never_had_the_values_is_sent_the_removal_whole()
    {
        var owner = Lived();
        var plan = RepairPlan.For(owner.State, new IntervalSet());
        Assert.All(plan.Removals, r => Assert.Equal(owner.Ticks[r.Tick], r.Removed.ToArray()));
        Assert.Equal(owner.Ticks.Keys.Order(), plan.Removals.Select(r => r.Tick));
        Assert.Equal(owner.Model.Values.Order(), plan.Values);
    }

    [Fact]
    public void Values_beyond_the_number_asked_for_are_left_for_another_time_and_removals_are_not()
    {
        var owner = Lived();
        var all = RepairPlan.For(owner.State, new IntervalSet());
        var some = RepairPlan.For(owner.State, new IntervalSet(), all.Values.Count - 1);
        Assert.Equal((false, true), (all.More, some.More));
        Assert.Equal(all.Values.SkipLast(1), some.Values);
        Assert.Equal(all.Removals, some.Removals);
        Assert.Null(some.AllDead);
    }

    [Fact]
    public void Where_the_log_has_forgotten_all_dead_are_told_instead()
    {
        var owner = Lived(logCapacity: 1);
        var plan = RepairPlan.For(owner.State, new IntervalSet(new Interval(1, 3)));
        Assert.Equal("1-2,4-5", plan.AllDead!.ToString());
        Assert.Empty(plan.Removals);
    }

    [Fact]
    public void Where_the_log_still_reaches_what_is_missing_its_forgotten_past_does_not_matter()
    {
        var owner = Lived(logCapacity: 1);
        var plan = RepairPlan.For(owner.State, new IntervalSet(new Interval(1, 4)));
        Assert.Null(plan.AllDead);
        Assert.Equal(5UL, Assert.Single(plan.Removals).Tick);
    }

    [Fact]
    public void Who_learnt_deaths_without_their_story_passes_them_on_as_all_dead()
    {
        var told = new ReplicaDots<Value>();
        told.Kill(new Interval(1, 5));
        Assert.Equal("1-5", RepairPlan.For(told, new IntervalSet(new Interval(1, 2))).AllDead!.ToString());
    }

    [Fact]
    public void A_request_that_admits_less_than_is_known_gets_more_and_changes_nothing_twice()
    {
        var owner = Lived();
        var peer = new Peer();
        owner.Windows.ForEach(w => peer.Take(new Frame(w)));
        var before = peer.Dots.ToldWithLog();
        Peer.Answer(owner.State, new IntervalSet(), 2).ForEach(peer.Take);
        Assert.Equal(before, peer.Dots.ToldWithLog());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_lost_part_of_the_dead_stays_visible_and_is_asked_for_again(int lost)
    {
        var owner = new Owner(logCapacity: 1);
        var peer = new Peer();
        for (var i = 0; i < 9; i++)
        {
            owner.Join($"k{i}");
            peer.Take(new Frame(owner.Cut()));
        }

        // Dead will be 1, 4, 7 and the ticks 10 to 12: four intervals with living ones between them.
        owner.Leave("k0");
        owner.Leave("k3");
        owner.Leave("k6");
        var parts = Peer.Answer(owner.State, peer.Dots.Context.Bounded(64), 1);
        Assert.Equal(4, parts.Count);
        parts.RemoveAt(lost);
        parts.ForEach(peer.Take);
        Truth.AssertNothingUntrue(owner, peer.Dots);
        Assert.Equal(9UL, peer.Dots.Context.Prefix);
        Assert.Equal(7, peer.Dots.Count);
        Peer.Answer(owner.State, peer.Dots.Context.Bounded(64), 1).ForEach(peer.Take);
        Truth.AssertComplete(owner, peer.Dots);
    }

    [Fact]
    public void A_death_that_came_without_its_tick_is_passed_on_with_the_tick_and_not_before()
    {
        var owner = new Owner(logCapacity: 1);
        var (ahead, other) = (new Peer(), new Peer());
        foreach (var key in new[] { "x", "y", "z" })
        {
            owner.Join(key);
        }

        var joins = new Frame(owner.Cut());
        ahead.Take(joins);
        other.Take(joins);
        owner.Leave("x");
        owner.Leave("z");
        // Of two parts only the first arrives.
        Assert.Equal("1,3-5", owner.State.Dead().ToString());
        ahead.Take(Peer.Answer(owner.State, ahead.Dots.Context, 1)[0]);
        Assert.Equal((DotState.Dead, DotState.Live), (ahead.Dots.StateOf(1), other.Dots.StateOf(1)));
        Assert.Empty(Peer.Answer(ahead.Dots, other.Dots.Context, 1));
        Peer.Answer(owner.State, ahead.Dots.Context, 1).ForEach(ahead.Take);
        Peer.Answer(ahead.Dots, other.Dots.Context, 1).ForEach(other.Take);
        Truth.AssertComplete(owner, other.Dots);
    }

    [Fact]
    public void Parts_of_two_answers_are_not_taken_for_one()
    {
        var owner = new Owner(logCapacity: 1);
        var peer = new Peer();
        owner.Join("x");
        owner.Join("y");
        peer.Take(new Frame(owner.Cut()));
        owner.Leave("x");
        var first = Peer.Answer(owner.State, new IntervalSet(), 1);
        owner.Join("z");
        owner.Leave("y");
        var second = Peer.Answer(owner.State, new IntervalSet(), 1).Where(f => f.Index is not null).ToList();
        first.ForEach(peer.Take);
        second.Skip(1).ToList().ForEach(peer.Take);
        Truth.AssertNothingUntrue(owner, peer.Dots);
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
