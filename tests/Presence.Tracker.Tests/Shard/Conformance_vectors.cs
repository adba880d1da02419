namespace Presence.Tracker.Tests.Shard;

/// <summary>The vectors of the semantics, section H, at the level of the shard, each with the correct result.</summary>
public sealed class Conformance_vectors
{
    [Fact]
    public void Vectors_1_to_5_a_join_takes_one_number_an_update_two_a_leave_one()
    {
        var members = Members.Named("a", "b");
        Assert.Equal(1UL, members["a"].Track("k").Dot.Sequence);
        Assert.Equal(3UL, members["a"].Update("k", """{"v":2}""").Dot.Sequence);
        members["a"].Untrack("k");
        members.Pass(TimeSpan.FromSeconds(1));
        var peer = Assert.Single(members["b"].Shard.Peers());
        Assert.Equal((4UL, 0), (peer.Clock, peer.Entries));
        Assert.Null(members["a"].Shard.NextFlush);
    }

    [Fact]
    public void Vector_4_what_came_and_went_in_one_window_is_nothing_to_others()
    {
        var members = Members.Named("a", "b");
        members["a"].Track("first");
        members.Deliver();
        members["b"].Heard();
        members["a"].Track("k");
        members["a"].Update("k", """{"v":2}""");
        members["a"].Untrack("k");
        members.Settle();
        Assert.Equal("", members["b"].Heard());
    }

    [Fact]
    public void Vector_6_a_leave_of_somebody_absent_changes_nothing()
    {
        var members = Members.Named("a");
        Assert.False(members["a"].Untrack("nobody"));
        Assert.Equal("", members["a"].Heard());
        Assert.Null(members["a"].Shard.NextFlush);
    }

    [Fact]
    public void Vector_7_a_gap_delays_the_context_and_not_the_join()
    {
        var members = Members.Named("a", "b", "c");
        var deltas = new List<ShardFrame>();
        foreach (var key in new[] { "k1", "k2", "k3" })
        {
            members["a"].Track(key);
            members.Pass(TimeSpan.FromMilliseconds(40), (_, to, frame) =>
            {
                if (to == "c" && frame is DeltaFrame)
                {
                    deltas.Add(frame);
                    return true;
                }

                return false;
            });
        }

        var (e1, e2, e3) = (deltas[0], deltas[1], deltas[2]);
        Assert.Equal([(0UL, "k3"), (1UL, "k1 k3"), (3UL, "k1 k2 k3")], new[] { e3, e1, e2 }.Select(e =>
        {
            members.Give("c", e);
            return (members["c"].Shard.Peers().Single(p => p.Replica.Node == "a").Clock, string.Join(" ", members["c"].Keys()));
        }));
    }

    [Fact]
    public void Vector_8_an_update_replaces_the_entry_in_place()
    {
        var members = Members.WithPresence("k", """{"v":1}""");
        members["b"].Heard();
        members["a"].Update("k", """{"v":2}""");
        members.Settle();
        Assert.Equal("""~k{"v":1}>{"v":2}""", members["b"].Heard());
        Assert.Single(members["b"].Keys());
    }

    [Fact]
    public void Vector_9_an_update_just_before_the_end_is_not_lost()
    {
        var members = Members.WithPresence("k", """{"v":1}""");
        members["b"].Changes.Clear();
        members["a"].Track("opens the window");
        members["a"].Update("k", """{"v":9}""");
        members["a"].Untrack("k");
        members.Settle();
        var left = Assert.Single(members["b"].Changes, c => c.Kind == PresenceChangeKind.Left);
        Assert.Equal("""{"v":1}""", left.LastShown!.Meta.ToString());
        Assert.Equal("""{"v":9}""", left.Entry.Meta.ToString());
    }

    [Fact]
    public void Vector_10_a_leave_and_a_join_anew_are_not_an_update()
    {
        var members = Members.WithPresence("k", """{"v":1}""");
        members["a"].Track("opens the window");
        members.Deliver();
        members["b"].Heard();
        members["a"].Untrack("k");
        members["a"].Track("k", """{"v":2}""");
        members.Settle();
        Assert.Equal("""-k{"v":1} +k{"v":2}""", members["b"].Heard());
    }

    [Fact]
    public void Vector_11_nobody_learns_of_a_replica_through_a_third()
    {
        var members = Members.WithPresence();
        var c = members.Add("c", introduce: false);
        members["b"].Do((shard, now, fx) => shard.MemberJoined(now, "c", fx));
        members.Pass(TimeSpan.FromSeconds(20), (from, to, _) => (from, to) is ("a", "c") or ("c", "a"));
        Assert.Empty(c.Keys());
        Assert.DoesNotContain(c.Shard.Peers(), p => p.Replica.Node == "a");
    }

    [Fact]
    public void Vector_12_down_hides_and_keeps_up_shows_again()
    {
        var members = Members.WithPresence();
        members["b"].Heard();
        members.Pass(TimeSpan.FromSeconds(40), (_, _, _) => true);
        Assert.Equal("-k", members["b"].Heard());
        Assert.Equal(1, members["b"].Shard.Peers().Single().Entries);
        members.Pass(TimeSpan.FromSeconds(20));
        Assert.Equal("+k", members["b"].Heard());
    }

    [Fact]
    public void Vector_13_a_replaced_incarnation_leaves_no_trace()
    {
        var members = Members.Named("a", "b");
        for (var incarnation = 2UL; incarnation < 7; incarnation++)
        {
            members.Crash("b");
            members.Add("b", incarnation).Track("k");
            members.Settle();
        }

        Assert.Equal(new ReplicaId("b", 6), Assert.Single(members["a"].Shard.Peers()).Replica);
        Assert.Equal(2, members["a"].Shard.Measure().Held);
        Assert.Equal(["k"], members["a"].Keys());
    }

    [Fact]
    public void Vector_14_a_removal_is_announced_by_its_owner_alone()
    {
        var members = Members.WithPresence();
        members["a"].Untrack("k");
        members.Deliver();
        Assert.Empty(members["b"].Keys());
        Assert.Null(members["b"].Shard.NextFlush);
    }

    [Fact]
    public void Vector_17_down_is_later_than_the_period_and_permdown_later_than_its_own()
    {
        var options = new TrackerOptions { DownPeriod = TimeSpan.FromSeconds(5), PermDownPeriod = TimeSpan.FromSeconds(10) };
        var members = new Members();
        members.Add("a", options: options);
        members.Add("b", options: options);
        members.Settle();
        var silentSince = members["a"].Shard.Peers().Single().LastHeard;
        members.Crash("b");
        members.Pass(silentSince + TimeSpan.FromSeconds(4.9) - members.Now);
        Assert.False(members["a"].Saw(ReplicaEventKind.Down));
        members.Pass(TimeSpan.FromSeconds(2));
        Assert.True(members["a"].Saw(ReplicaEventKind.Down));
        Assert.False(members["a"].Saw(ReplicaEventKind.PermDown));
        members.Pass(TimeSpan.FromSeconds(6));
        Assert.True(members["a"].Saw(ReplicaEventKind.PermDown));
        Assert.Empty(members["a"].Shard.Peers());
    }

    [Fact]
    public void Vectors_18_and_19_a_late_joiner_is_answered_at_once_and_by_one_request_per_owner()
    {
        var members = Members.Named("a", "b");
        members["a"].Track("x");
        members["b"].Track("y");
        members.Settle();
        var c = members.Add("c");
        members.Deliver();
        Assert.Equal(["x", "y"], c.Keys());
        Assert.Equal(2, c.Events.Count(e => e.Kind == ReplicaEventKind.RepairRequested));
        members.Settle();
        Assert.Equal(2, c.Events.Count(e => e.Kind == ReplicaEventKind.RepairRequested));
    }

    [Fact]
    public void Vector_20_an_old_state_from_a_third_never_replaces_or_ends_a_newer_entry()
    {
        var members = Members.Named("a", "b", "c");
        members["a"].Track("k", """{"v":1}""");
        members.Deliver((_, to, _) => to == "c");
        members.Pass(TimeSpan.FromMilliseconds(40), (_, to, _) => to == "c");
        members["a"].Untrack("k");
        members.Pass(TimeSpan.FromMilliseconds(40), (_, _, _) => true);
        members["a"].Track("k", """{"v":3}""");
        members.Pass(TimeSpan.FromMilliseconds(40), (_, to, frame) => to != "c" || frame is not DeltaFrame);
        Assert.Equal("""{"v":3}""", members["c"].Shard.Index.List("t").Single().Meta.ToString());

        var b = members["b"].Shard;
        AskBehindTheBack(members, b.Self);
        Assert.Equal("""{"v":3}""", members["c"].Shard.Index.List("t").Single().Meta.ToString());
        members.Settle();
        Assert.Equal("""{"v":3}""", members["c"].Shard.Index.List("t").Single().Meta.ToString());
        Assert.Equal("""{"v":3}""", members["b"].Shard.Index.List("t").Single().Meta.ToString());
    }

    [Fact]
    public void Vector_21_a_removed_dot_behind_a_gap_is_not_forgotten()
    {
        var members = Members.Named("a", "b", "c");
        var toC = new List<ShardFrame>();
        bool Keep(string from, string to, ShardFrame frame)
        {
            if (to == "c" && frame is DeltaFrame)
            {
                toC.Add(frame);
            }

            return to == "c" && from == "a";
        }

        members["a"].Track("x");
        members.Pass(TimeSpan.FromMilliseconds(40), Keep);
        members["a"].Track("y");
        members.Pass(TimeSpan.FromMilliseconds(40), Keep);
        members["a"].Untrack("y");
        members.Pass(TimeSpan.FromMilliseconds(40), (from, to, frame) => Keep(from, to, frame) || to == "b");
        members.Give("c", toC[1], toC[2]);
        AskBehindTheBack(members, members["b"].Shard.Self);
        Assert.Equal(["x"], members["c"].Keys());
    }

    [Fact]
    public void Vector_22_a_member_cannot_change_or_end_what_another_owns()
    {
        var members = Members.WithPresence();
        Assert.Throws<NotTrackedException>(() => members["b"].Update("k", """{"v":2}"""));
        Assert.False(members["b"].Untrack("k"));
        Assert.Equal(0, members["b"].End());
        members.Settle();
        Assert.Equal(1, members["a"].End());
        members.Settle();
        Assert.Empty(members["b"].Keys());
    }

    /// <summary>c asks b for all of a, as if it knew nothing, and takes the answer.</summary>
    private static void AskBehindTheBack(Members members, ReplicaId b)
    {
        var c = members["c"].Shard.Self;
        var sender = new Sender(c, c.Incarnation, 1000 + (ulong)'c', 1, 0);
        members.Give(b.Node, new RequestFrame(sender, 1, [new ReplicaContext(new ReplicaId("a", 1), new IntervalSet())]));
        members.Give("c", members.Take<RepairFrame>("c"));
    }
}
