namespace Presence.Crdt.Tests.Vectors;

/// <summary>
/// Section H of the semantics at the level of the set, with the correct results. 13 is defect 5; 15 and 16 are about a
/// type that is not needed here (a context of one replica is an interval set); 17 is the shard's.
/// </summary>
public sealed class Conformance_vectors
{
    private static ReplicaId A { get; } = new("a", 1);

    private static ReplicaId B { get; } = new("b", 1);

    [Fact]
    public void Vector_1_a_new_replica_has_seen_nothing_and_has_nothing_to_tell()
    {
        var a = new Owner();
        Assert.Equal(("seen  live ", true, true), (a.State.Told(), a.State.IsEmpty, a.Window.IsEmpty));
    }

    [Fact]
    public void Vector_2_a_join_takes_one_number()
    {
        var a = Joined();
        Assert.Equal(("seen 1 live 1", "seen 1 live 1"), (a.State.Told(), a.Window.Told()));
    }

    [Fact]
    public void Vector_3_an_update_takes_two_and_its_window_tells_all_three_and_one_value()
    {
        var a = Joined();
        a.Update("k");
        Assert.Equal(("seen 1-3 live 3", "seen 1-3 live 3"), (a.State.Told(), a.Window.Told()));
        Assert.Equal("1-2", a.Window.Dead().ToString());
    }

    [Fact]
    public void Vector_4_what_came_and_went_in_one_window_is_nothing_to_others_but_is_seen()
    {
        var a = Joined();
        a.Update("k");
        a.Leave("k");
        Assert.Equal(("seen 1-4 live ", "seen 1-4 live "), (a.State.Told(), a.Window.Told()));
        var b = new ReplicaDots<Value>();
        Assert.Equal(("", ""), Merge(b, a.Cut()));
        Assert.Equal("seen 1-4 live ", b.Told());
    }

    [Fact]
    public void Vector_5_after_a_cut_there_is_nothing_to_tell()
    {
        var a = Joined();
        a.Update("k");
        a.Leave("k");
        a.Cut();
        Assert.True(a.Window.IsEmpty);
        Assert.Equal("seen 1-4 live ", a.State.Told());
    }

    [Fact]
    public void Vector_6_a_leave_of_somebody_absent_changes_nothing()
    {
        var a = Joined();
        a.Cut();
        Assert.False(a.Leave("nobody"));
        Assert.Equal(("seen 1 live 1", true), (a.State.Told(), a.Window.IsEmpty));
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
        Assert.Equal("seen 1-3 live 3", b.Told());
    }

    [Fact]
    public void Vector_9_an_update_just_before_the_end_is_told_as_the_last_words_of_the_leave()
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
        Assert.Equal("seen 1-4 live ", b.Told());
    }

    [Fact]
    public void Vector_10_a_leave_and_a_join_anew_in_one_window_are_both_told()
    {
        var a = Joined();
        var b = Truth.Merged(a.Cut());
        a.Leave("k");
        a.Join("k", "v2");
        Assert.Equal(("3", "1"), Merge(b, a.Cut()));
        Assert.Equal("v2", Assert.Single(b.Live).Value.Meta);
    }

    [Fact]
    public void Vector_11_what_is_told_of_a_replica_that_is_not_held_is_ignored()
    {
        var (told, c) = (new AddWinsMap<Value>(), new AddWinsMap<Value>());
        told.Hold(A).Add(1, new Value(1, "x"));
        told.Hold(B).Add(1, new Value(1, "y"));
        c.Hold(A);
        var merged = new MergeResult<Value>();
        c.Merge(told, merged);
        Assert.Equal(A, Assert.Single(c.Replicas).Key);
        Assert.Equal("x", Assert.Single(merged.Joined).Key);
    }

    [Fact]
    public void Vector_12_what_is_held_stays_while_its_owner_is_silent_and_nothing_is_told_twice()
    {
        // Down hides at the index; here the values stay, and the same state heard again is no news.
        var a = Joined();
        a.Join("k2");
        var c = new AddWinsMap<Value>();
        var held = c.Hold(A);
        held.Merge(a.Cut());
        Assert.Equal(("", ""), Merge(held, a.State));
        Assert.Same(held, c.Hold(A));
        Assert.Equal("seen 1-2 live 1,2", held.Told());
    }

    [Fact]
    public void Vector_14_a_removal_heard_of_is_not_announced_as_ones_own()
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
    public void Vector_18_a_late_joiner_is_answered_with_removals_where_the_log_reaches_back()
    {
        var a = new Owner(logCapacity: 100);
        for (var i = 0; i < 20; i++)
        {
            a.Join($"k{i}");
            a.Leave($"k{i - 5}");
        }

        var plan = RepairPlan.For(a.State, new IntervalSet());
        Assert.Null(plan.AllDead);
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
        Assert.Equal("seen 1,3 live 1,3", c.Told());
        Assert.Equal(("", "1"), Merge(c, a.State));
        Assert.Equal("seen 1-3 live 3", c.Told());
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
        Assert.Equal("seen 2-3 live ", c.Told());
        Assert.Equal(("1", ""), Merge(c, b));
        Assert.Equal("seen 1-3 live 1", c.Told());
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
        Assert.Equal(("seen 1 live 1", "seen 1-3 live 3"), (atA.Replicas[A].Told(), atA.Replicas[B].Told()));
        a.Leave("k");
        Assert.Equal(("", "1"), Merge(atA.Hold(A), a.State));
        Assert.Equal("seen 1-3 live 3", atA.Replicas[B].Told());
    }

    private static Owner Joined()
    {
        var owner = new Owner();
        owner.Join("k");
        return owner;
    }

    private static (string Joins, string Leaves) Merge(ReplicaDots<Value> into, ReplicaDots<Value> what)
    {
        var merged = new MergeResult<Value>();
        into.Merge(what, merged);
        return (
            string.Join(",", merged.Joined.Select(v => v.Sequence)),
            string.Join(",", merged.Left.Select(l => l.Value.Sequence)));
    }
}
