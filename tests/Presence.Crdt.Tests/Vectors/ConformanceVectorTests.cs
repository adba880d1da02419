namespace Presence.Crdt.Tests.Vectors;

/// <summary>
/// Section H of the semantics at the level of the set, with the correct results. 13 is defect 5; 15 and 16 test a type
/// that is not needed here (a context of one replica is an interval set); 17 is tested at the shard.
/// </summary>
public sealed class ConformanceVectorTests
{
    private static ReplicaId A { get; } = new("a", 1);

    private static ReplicaId B { get; } = new("b", 1);

    [Fact]
    public void Vector_1_a_new_replica_is_empty()
    {
        var a = new Owner();
        Assert.Equal(("seen  live ", true, true), (a.State.Describe(), a.State.IsEmpty, a.Window.IsEmpty));
    }

    [Fact]
    public void Vector_2_a_join_takes_one_number()
    {
        var a = Joined();
        Assert.Equal(("seen 1 live 1", "seen 1 live 1"), (a.State.Describe(), a.Window.Describe()));
    }

    [Fact]
    public void Vector_3_an_update_takes_two_numbers_and_its_window_has_all_three_and_one_value()
    {
        var a = Joined();
        a.Update("k");
        Assert.Equal(("seen 1-3 live 3", "seen 1-3 live 3"), (a.State.Describe(), a.Window.Describe()));
        Assert.Equal("1-2", a.Window.Removed().ToString());
    }

    [Fact]
    public void Vector_4_a_value_within_one_window_is_invisible_to_others_but_in_the_context()
    {
        var a = Joined();
        a.Update("k");
        a.Leave("k");
        Assert.Equal(("seen 1-4 live ", "seen 1-4 live "), (a.State.Describe(), a.Window.Describe()));
        var b = new ReplicaState<Value>();
        Assert.Equal(("", ""), Merge(b, a.Cut()));
        Assert.Equal("seen 1-4 live ", b.Describe());
    }

    [Fact]
    public void Vector_5_a_window_is_empty_after_a_cut()
    {
        var a = Joined();
        a.Update("k");
        a.Leave("k");
        a.Cut();
        Assert.True(a.Window.IsEmpty);
        Assert.Equal("seen 1-4 live ", a.State.Describe());
    }

    [Fact]
    public void Vector_6_a_leave_of_an_absent_key_changes_nothing()
    {
        var a = Joined();
        a.Cut();
        Assert.False(a.Leave("nobody"));
        Assert.Equal(("seen 1 live 1", true), (a.State.Describe(), a.Window.IsEmpty));
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

        var c = new ReplicaState<Value>();
        Assert.Equal(("3", ""), Merge(c, a.Windows[2]));
        Assert.Equal((0UL, "3"), (c.Context.Prefix, c.Context.ToString()));
        Assert.Equal(("1", ""), Merge(c, a.Windows[0]));
        Assert.Equal((1UL, "1,3"), (c.Context.Prefix, c.Context.ToString()));
        Assert.Equal(("2", ""), Merge(c, a.Windows[1]));
        Assert.Equal((3UL, "1-3"), (c.Context.Prefix, c.Context.ToString()));
    }

    [Fact]
    public void Vector_8_an_update_in_a_later_window_is_one_join_and_one_leave()
    {
        var a = Joined();
        var b = Truth.Merged(a.Cut());
        a.Update("k");
        Assert.Equal(("3", "1"), Merge(b, a.Cut()));
        Assert.Equal("seen 1-3 live 3", b.Describe());
    }

    [Fact]
    public void Vector_9_an_update_just_before_the_end_is_the_final_value_of_the_leave()
    {
        var a = Joined();
        var b = Truth.Merged(a.Cut());
        a.Update("k", "v9");
        a.Leave("k");
        var merged = new MergeResult<Value>();
        b.Merge(a.Cut(), merged);
        Assert.Empty(merged.Joined);
        Assert.Equal(1UL, Assert.Single(merged.Left).Value.Sequence);
        Assert.Equal(("k", "v9"), (Assert.Single(merged.Finals).Key, merged.Finals[0].Meta));
        Assert.Equal("seen 1-4 live ", b.Describe());
    }

    [Fact]
    public void Vector_10_a_leave_and_a_new_join_in_one_window_are_both_reported()
    {
        var a = Joined();
        var b = Truth.Merged(a.Cut());
        a.Leave("k");
        a.Join("k", "v2");
        Assert.Equal(("3", "1"), Merge(b, a.Cut()));
        Assert.Equal("v2", Assert.Single(b.Live).Value.Meta);
    }

    [Fact]
    public void Vector_11_a_state_of_a_replica_that_is_not_held_is_ignored()
    {
        var (sender, c) = (new AddWinsMap<Value>(), new AddWinsMap<Value>());
        sender.Hold(A).Add(1, new Value(1, "x"));
        sender.Hold(B).Add(1, new Value(1, "y"));
        c.Hold(A);
        var merged = new MergeResult<Value>();
        c.Merge(sender, merged);
        Assert.Equal(A, Assert.Single(c.Replicas).Key);
        Assert.Equal("x", Assert.Single(merged.Joined).Key);
    }

    [Fact]
    public void Vector_12_a_state_stays_while_its_owner_is_silent_and_nothing_is_reported_twice()
    {
        // The index hides a down peer; here the values stay, and merging the same state changes nothing.
        var a = Joined();
        a.Join("k2");
        var c = new AddWinsMap<Value>();
        var held = c.Hold(A);
        held.Merge(a.Cut());
        Assert.Equal(("", ""), Merge(held, a.State));
        Assert.Same(held, c.Hold(A));
        Assert.Equal("seen 1-2 live 1,2", held.Describe());
    }

    [Fact]
    public void Vector_14_a_received_removal_is_not_announced_again()
    {
        var a = Joined();
        var b = new AddWinsMap<Value>();
        b.Hold(B);
        b.Hold(A).Merge(a.Cut());
        a.Leave("k");
        Assert.Equal(("", "1"), Merge(b.Hold(A), a.Cut()));
        Assert.True(b.Replicas[B].IsEmpty);
    }

    [Fact]
    public void Vector_18_a_late_joiner_gets_removals_if_the_log_reaches_back()
    {
        var a = new Owner(logCapacity: 100);
        for (var i = 0; i < 20; i++)
        {
            a.Join($"k{i}");
            a.Leave($"k{i - 5}");
        }

        var plan = RepairPlan.For(a.State, new IntervalSet());
        Assert.Null(plan.AllRemoved);
        Assert.Equal((5, 15), (plan.Values.Count, plan.Removals.Count));
    }

    [Fact]
    public void Vector_19_one_request_is_answered_for_each_replica_by_what_is_known_of_it()
    {
        // In the original the first answer held only a's row, because a cached delta happened to fit.
        var (a, r) = (Joined(), Joined());
        var held = new AddWinsMap<Value>();
        held.Hold(A).Merge(a.State);
        held.Hold(B).Merge(r.State);
        Assert.All(held.Replicas.Values, dots => Assert.Equal([1UL], RepairPlan.For(dots, new IntervalSet()).Values));
    }

    [Fact]
    public void Vector_20_an_old_state_from_a_third_never_ends_a_newer_value()
    {
        var a = Joined();
        var b = Truth.Merged(a.Cut());
        a.Leave("k");
        a.Cut();
        a.Join("k");
        var c = Truth.Merged(a.Cut());
        c.Merge(b);
        Assert.Equal("seen 1,3 live 1,3", c.Describe());
        Assert.Equal(("", "1"), Merge(c, a.State));
        Assert.Equal("seen 1-3 live 3", c.Describe());
    }

    [Fact]
    public void Vector_21_a_removed_dot_behind_a_gap_is_not_forgotten()
    {
        var a = new Owner();
        a.Join("x");
        a.Cut();
        a.Join("y");
        a.Cut();
        a.Leave("y");
        a.Cut();
        var b = Truth.Merged(a.Windows[0], a.Windows[1]);
        var c = Truth.Merged(a.Windows[1], a.Windows[2]);
        Assert.Equal("seen 2-3 live ", c.Describe());
        Assert.Equal(("1", ""), Merge(c, b));
        Assert.Equal("seen 1-3 live 1", c.Describe());
    }

    [Fact]
    public void Vector_22_what_a_non_owner_writes_under_its_own_name_never_touches_the_owners()
    {
        var a = Joined();
        var (atA, atB) = (new AddWinsMap<Value>(), new AddWinsMap<Value>());
        atA.Hold(A).Merge(a.State);
        atA.Hold(B);
        atB.Hold(A).Merge(a.State);
        atB.Hold(B).Add(1, new Value(1, "k", "by b"));
        atB.Hold(B).Remove(new Removal(2, 0, new[] { 1UL }));
        atB.Hold(B).Add(3, new Value(3, "k", "by b again"));
        atA.Merge(atB);
        Assert.Equal(("seen 1 live 1", "seen 1-3 live 3"), (atA.Replicas[A].Describe(), atA.Replicas[B].Describe()));
        a.Leave("k");
        Assert.Equal(("", "1"), Merge(atA.Hold(A), a.State));
        Assert.Equal("seen 1-3 live 3", atA.Replicas[B].Describe());
    }

    private static Owner Joined()
    {
        var owner = new Owner();
        owner.Join("k");
        return owner;
    }

    private static (string Joins, string Leaves) Merge(ReplicaState<Value> into, ReplicaState<Value> what)
    {
        var merged = new MergeResult<Value>();
        into.Merge(what, merged);
        return (
            string.Join(",", merged.Joined.Select(v => v.Sequence)),
            string.Join(",", merged.Left.Select(l => l.Value.Sequence)));
    }
}
