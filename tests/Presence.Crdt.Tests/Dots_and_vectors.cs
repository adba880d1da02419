namespace Presence.Crdt.Tests;

/// <summary>The vectors of the semantics, section H, and the defects of section A.8, at the level of the set.</summary>
public sealed class Dots_and_vectors
{
    [Fact]
    public void Vectors_1_to_5_every_change_of_the_live_set_takes_a_number()
    {
        var a = new Owner();
        Assert.Equal("seen  live ", a.State.Told());
        a.Join("k");
        Assert.Equal("seen 1 live 1", a.State.Told());
        a.Update("k");
        Assert.Equal("seen 1-3 live 3", a.State.Told());
        a.Leave("k");
        Assert.Equal("seen 1-4 live ", a.State.Told());
        var delta = a.Cut();
        Assert.Equal("seen 1-4 live ", delta.Told());
        Assert.True(a.Cut().IsEmpty);
        var news = new MergeResult<Value>();
        var b = new ReplicaDots<Value>();
        b.Merge(delta, news);
        Assert.Equal(("seen 1-4 live ", 0, 0), (b.Told(), news.Joined.Count, news.Left.Count));
    }

    [Fact]
    public void Vector_7_a_gap_delays_the_context_and_not_the_value()
    {
        var a = new Owner();
        foreach (var key in new[] { "k1", "k2", "k3" })
        {
            a.Join(key);
            a.Cut();
        }

        var c = new ReplicaDots<Value>();
        c.Merge(a.Windows[2]);
        Assert.Equal((0UL, "seen 3 live 3"), (c.Context.Prefix, c.Told()));
        c.Merge(a.Windows[0]);
        c.Merge(a.Windows[1]);
        Assert.Equal("seen 1-3 live 1,2,3", c.Told());
    }

    [Fact]
    public void Vector_11_what_is_told_of_a_replica_that_is_not_held_is_ignored()
    {
        var known = new ReplicaId("a", 1);
        var unknown = new ReplicaId("b", 1);
        var told = new AddWinsMap<Value>();
        told.Hold(known).Add(1, new Value(1, "x"));
        told.Hold(unknown).Add(1, new Value(1, "y"));
        var c = new AddWinsMap<Value>();
        c.Hold(known);
        c.Merge(told);
        Assert.Equal([known], c.Replicas.Keys);
        Assert.Equal(1, c.Replicas[known].Count);
    }

    [Fact]
    public void Vector_20_and_defect_1_an_old_state_never_ends_a_newer_value()
    {
        var a = new Owner();
        a.Join("k");
        var b = Dots.Merged(a.Cut());
        a.Leave("k");
        a.Cut();
        a.Join("k");
        var c = Dots.Merged(a.Cut());
        c.Merge(b);
        Assert.Contains(3UL, c.Live.Keys);
        c.Merge(a.State);
        Assert.Equal("seen 1-3 live 3", c.Told());
    }

    [Fact]
    public void Vector_21_and_defect_4_a_removed_dot_behind_a_gap_stays_dead()
    {
        var a = new Owner();
        a.Join("x");
        a.Cut();
        a.Join("y");
        a.Cut();
        a.Leave("y");
        a.Cut();
        var b = Dots.Merged(a.Windows[0], a.Windows[1]);
        var c = Dots.Merged(a.Windows[1], a.Windows[2]);
        c.Merge(b);
        Assert.Equal("seen 1-3 live 1", c.Told());
        Assert.Equal(DotState.Dead, c.StateOf(2));
    }

    [Fact]
    public void Defects_2_and_3_dots_of_two_replicas_never_touch_each_other()
    {
        var map = new AddWinsMap<Value>();
        map.Hold(new ReplicaId("a", 1)).Add(1, new Value(1, "k"));
        map.Hold(new ReplicaId("b", 1)).Add(1, new Value(1, "k"));
        map.Hold(new ReplicaId("b", 1)).Remove(new Removal(2, 0, new[] { 1UL }));
        Assert.Equal(1, map.Replicas[new ReplicaId("a", 1)].Count);
    }

    [Fact]
    public void Defect_5_a_forgotten_replica_leaves_no_trace()
    {
        var map = new AddWinsMap<Value>();
        for (var incarnation = 1UL; incarnation <= 5000; incarnation++)
        {
            map.Hold(new ReplicaId("a", incarnation)).Add(1, new Value(1, "k"));
            map.Forget(new ReplicaId("a", incarnation));
        }

        Assert.Empty(map.Replicas);
    }

    [Fact]
    public void A_removal_known_by_its_tick_is_known_whole()
    {
        var a = new Owner();
        a.Join("x");
        a.Join("y");
        a.Cut();
        a.Leave("x", "y");
        var plan = RepairPlan.For(a.State, Dots.Merged(a.Windows[0]).Context);
        var removal = Assert.Single(plan.Removals);
        Assert.Equal((3UL, 2), (removal.Tick, removal.Removed.Length));
        Assert.Empty(plan.Values);
    }

    [Fact]
    public void Where_the_log_has_forgotten_all_dead_are_told()
    {
        var a = new Owner(logCapacity: 1);
        foreach (var key in new[] { "x", "y", "z" })
        {
            a.Join(key);
        }

        a.Leave("x");
        a.Leave("y");
        var plan = RepairPlan.For(a.State, new IntervalSet(new Interval(1, 3)));
        Assert.Equal("1-2,4-5", plan.AllDead!.ToString());
        Assert.Empty(plan.Removals);
    }

    [Fact]
    public void A_part_of_the_dead_without_those_before_it_teaches_only_known_deaths()
    {
        var b = new ReplicaDots<Value>();
        b.Add(1, new Value(1, "x"));
        b.Add(3, new Value(3, "z"));
        b.KillKnown(new IntervalSet(new Interval(3, 9)));
        Assert.Equal("seen 1,3 live 1", b.Told());
    }

    [Fact]
    public void Who_lacks_nothing_is_sent_nothing()
    {
        var a = Owner.Lived(new Random(7), 100);
        Assert.True(RepairPlan.For(a.State, a.State.Context).IsEmpty);
    }
}
