using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Shard;

/// <summary>Section H of the semantics at the level of the shard, with the correct results.</summary>
public sealed class ConformanceVectorTests
{
    [Fact]
    public void Vectors_1_to_5_a_join_takes_one_number_an_update_two_a_leave_one()
    {
        var nodes = Nodes.Named("a", "b");
        Assert.Equal(1UL, nodes["a"].Track("k").Dot.Sequence);
        Assert.Equal(3UL, nodes["a"].Update("k", """{"v":2}""").Dot.Sequence);
        nodes["a"].Untrack("k");
        nodes.Pass(TimeSpan.FromSeconds(1));
        var peer = Assert.Single(nodes["b"].Shard.Peers());
        Assert.Equal((4UL, 0), (peer.Clock, peer.Entries));
        Assert.Null(nodes["a"].Shard.NextFlush);
    }

    [Fact]
    public void Vector_4_a_presence_within_one_window_is_invisible_to_others()
    {
        var nodes = Nodes.Named("a", "b");
        nodes["a"].Track("first");
        nodes.Deliver();
        nodes["b"].DrainChanges();
        nodes["a"].Track("k");
        nodes["a"].Update("k", """{"v":2}""");
        nodes["a"].Untrack("k");
        nodes.Settle();
        Assert.Equal("", nodes["b"].DrainChanges());
    }

    [Fact]
    public void Vector_6_a_leave_of_an_absent_key_changes_nothing()
    {
        var nodes = Nodes.Named("a");
        Assert.False(nodes["a"].Untrack("nobody"));
        Assert.Equal("", nodes["a"].DrainChanges());
        Assert.Null(nodes["a"].Shard.NextFlush);
    }

    [Fact]
    public void Vector_7_a_gap_delays_the_context_and_not_the_join()
    {
        var nodes = Nodes.Named("a", "b", "c");
        var deltas = new List<ShardFrame>();
        foreach (var key in new[] { "k1", "k2", "k3" })
        {
            nodes["a"].Track(key);
            nodes.Pass(TimeSpan.FromMilliseconds(40), (_, to, frame) =>
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
            nodes.DeliverTo("c", e);
            return (nodes["c"].Shard.Peers().Single(p => p.Replica.Node == "a").Clock,
                string.Join(" ", nodes["c"].Keys()));
        }));
    }

    [Fact]
    public void Vector_8_an_update_replaces_the_entry_in_place()
    {
        var nodes = Nodes.WithPresence("k", """{"v":1}""");
        nodes["b"].DrainChanges();
        nodes["a"].Update("k", """{"v":2}""");
        nodes.Settle();
        Assert.Equal("""~k{"v":1}>{"v":2}""", nodes["b"].DrainChanges());
        Assert.Single(nodes["b"].Keys());
    }

    [Fact]
    public void Vector_9_an_update_just_before_the_end_is_not_lost()
    {
        var nodes = Nodes.WithPresence("k", """{"v":1}""");
        nodes["b"].Changes.Clear();
        nodes["a"].Track("opens the window");
        nodes["a"].Update("k", """{"v":9}""");
        nodes["a"].Untrack("k");
        nodes.Settle();
        var left = Assert.Single(nodes["b"].Changes, c => c.Kind == PresenceChangeKind.Left);
        Assert.Equal("""{"v":1}""", left.LastShown!.Meta.ToString());
        Assert.Equal("""{"v":9}""", left.Entry.Meta.ToString());
    }

    [Fact]
    public void Vector_10_a_leave_and_a_new_join_are_not_an_update()
    {
        var nodes = Nodes.WithPresence("k", """{"v":1}""");
        nodes["a"].Track("opens the window");
        nodes.Deliver();
        nodes["b"].DrainChanges();
        nodes["a"].Untrack("k");
        nodes["a"].Track("k", """{"v":2}""");
        nodes.Settle();
        Assert.Equal("""-k{"v":1} +k{"v":2}""", nodes["b"].DrainChanges());
    }

    [Fact]
    public void Vector_11_a_replica_does_not_spread_through_a_third_node()
    {
        var nodes = Nodes.WithPresence();
        var c = nodes.Add("c", introduce: false);
        nodes["b"].Do((shard, now, fx) => shard.NodeJoined(now, "c", fx));
        nodes.Pass(TimeSpan.FromSeconds(20), (from, to, _) => (from, to) is ("a", "c") or ("c", "a"));
        Assert.Empty(c.Keys());
        Assert.DoesNotContain(c.Shard.Peers(), p => p.Replica.Node == "a");
    }

    [Fact]
    public void Vector_12_down_hides_and_keeps_up_shows_again()
    {
        var nodes = Nodes.WithPresence();
        nodes["b"].DrainChanges();
        nodes.Pass(TimeSpan.FromSeconds(40), (_, _, _) => true);
        Assert.Equal("-k", nodes["b"].DrainChanges());
        Assert.Equal(1, nodes["b"].Shard.Peers().Single().Entries);
        nodes.Pass(TimeSpan.FromSeconds(20));
        Assert.Equal("+k", nodes["b"].DrainChanges());
    }

    [Fact]
    public void Vector_13_a_replaced_incarnation_leaves_no_trace()
    {
        var nodes = Nodes.Named("a", "b");
        for (var incarnation = 2UL; incarnation < 7; incarnation++)
        {
            nodes.Crash("b");
            nodes.Add("b", incarnation).Track("k");
            nodes.Settle();
        }

        Assert.Equal(new ReplicaId("b", 6), Assert.Single(nodes["a"].Shard.Peers()).Replica);
        Assert.Equal(2, nodes["a"].Shard.Measure().Held);
        Assert.Equal(["k"], nodes["a"].Keys());
    }

    [Fact]
    public void Vector_14_a_removal_is_announced_by_its_owner_alone()
    {
        var nodes = Nodes.WithPresence();
        nodes["a"].Untrack("k");
        nodes.Deliver();
        Assert.Empty(nodes["b"].Keys());
        Assert.Null(nodes["b"].Shard.NextFlush);
    }

    [Fact]
    public void Vector_17_down_is_later_than_the_period_and_permdown_later_than_its_own()
    {
        var options = new TrackerOptions
        {
            DownPeriod = TimeSpan.FromSeconds(5),
            PermDownPeriod = TimeSpan.FromSeconds(10)
        };
        var nodes = new Nodes();
        nodes.Add("a", options: options);
        nodes.Add("b", options: options);
        nodes.Settle();
        var silentSince = nodes["a"].Shard.Peers().Single().LastHeard;
        nodes.Crash("b");
        nodes.Pass(silentSince + TimeSpan.FromSeconds(4.9) - nodes.Now);
        Assert.False(nodes["a"].Saw(ReplicaEventKind.Down));
        nodes.Pass(TimeSpan.FromSeconds(2));
        Assert.True(nodes["a"].Saw(ReplicaEventKind.Down));
        Assert.False(nodes["a"].Saw(ReplicaEventKind.PermDown));
        nodes.Pass(TimeSpan.FromSeconds(6));
        Assert.True(nodes["a"].Saw(ReplicaEventKind.PermDown));
        Assert.Empty(nodes["a"].Shard.Peers());
    }

    [Fact]
    public void Vectors_18_and_19_a_late_joiner_is_answered_at_once_and_by_one_request_per_owner()
    {
        var nodes = Nodes.Named("a", "b");
        nodes["a"].Track("x");
        nodes["b"].Track("y");
        nodes.Settle();
        var c = nodes.Add("c");
        nodes.Deliver();
        Assert.Equal(["x", "y"], c.Keys());
        Assert.Equal(2, c.Events.Count(e => e.Kind == ReplicaEventKind.RepairRequested));
        nodes.Settle();
        Assert.Equal(2, c.Events.Count(e => e.Kind == ReplicaEventKind.RepairRequested));
    }

    [Fact]
    public void Vector_20_an_old_state_from_a_third_never_replaces_or_ends_a_newer_entry()
    {
        var nodes = Nodes.Named("a", "b", "c");
        nodes["a"].Track("k", """{"v":1}""");
        nodes.Deliver((_, to, _) => to == "c");
        nodes.Pass(TimeSpan.FromMilliseconds(40), (_, to, _) => to == "c");
        nodes["a"].Untrack("k");
        nodes.Pass(TimeSpan.FromMilliseconds(40), (_, _, _) => true);
        nodes["a"].Track("k", """{"v":3}""");
        nodes.Pass(TimeSpan.FromMilliseconds(40), (_, to, frame) => to != "c" || frame is not DeltaFrame);
        Assert.Equal("""{"v":3}""", nodes["c"].Shard.Index.List("t").Single().Meta.ToString());

        var b = nodes["b"].Shard;
        AskBehindTheBack(nodes, b.Self);
        Assert.Equal("""{"v":3}""", nodes["c"].Shard.Index.List("t").Single().Meta.ToString());
        nodes.Settle();
        Assert.Equal("""{"v":3}""", nodes["c"].Shard.Index.List("t").Single().Meta.ToString());
        Assert.Equal("""{"v":3}""", nodes["b"].Shard.Index.List("t").Single().Meta.ToString());
    }

    [Fact]
    public void Vector_21_a_removed_dot_behind_a_gap_is_not_forgotten()
    {
        var nodes = Nodes.Named("a", "b", "c");
        var toC = new List<ShardFrame>();
        bool Keep(string from, string to, ShardFrame frame)
        {
            if (to == "c" && frame is DeltaFrame)
            {
                toC.Add(frame);
            }

            return to == "c" && from == "a";
        }

        nodes["a"].Track("x");
        nodes.Pass(TimeSpan.FromMilliseconds(40), Keep);
        nodes["a"].Track("y");
        nodes.Pass(TimeSpan.FromMilliseconds(40), Keep);
        nodes["a"].Untrack("y");
        nodes.Pass(TimeSpan.FromMilliseconds(40), (from, to, frame) => Keep(from, to, frame) || to == "b");
        nodes.DeliverTo("c", toC[1], toC[2]);
        AskBehindTheBack(nodes, nodes["b"].Shard.Self);
        Assert.Equal(["x"], nodes["c"].Keys());
    }

    [Fact]
    public void Vector_22_a_node_cannot_change_or_end_what_another_owns()
    {
        var nodes = Nodes.WithPresence();
        Assert.Throws<NotTrackedException>(() => nodes["b"].Update("k", """{"v":2}"""));
        Assert.False(nodes["b"].Untrack("k"));
        Assert.Equal(0, nodes["b"].End());
        nodes.Settle();
        Assert.Equal(1, nodes["a"].End());
        nodes.Settle();
        Assert.Empty(nodes["b"].Keys());
    }

    /// <summary>Lets c request all of a from b, with an empty context, and merge the answer.</summary>
    private static void AskBehindTheBack(Nodes nodes, ReplicaId b)
    {
        var c = nodes["c"].Shard.Self;
        var sender = new Sender(c, c.Incarnation, 1000 + (ulong)'c', 1, 0);
        nodes.DeliverTo(b.Node,
            new RequestFrame(sender, 1, [new ReplicaContext(new ReplicaId("a", 1), new IntervalSet())]));
        nodes.DeliverTo("c", nodes.Take<RepairFrame>("c"));
    }
}
