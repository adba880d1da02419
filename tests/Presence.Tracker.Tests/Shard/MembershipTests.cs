using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Shard;

public sealed class MembershipTests
{
    [Theory]
    [InlineData(2, 1, 1.67)]
    [InlineData(3, 1, 2.67)]
    [InlineData(3, 9, 8)]
    [InlineData(3, 100, 20)]
    [InlineData(21, 1, 20)]
    [InlineData(31, 1, 20)]
    public void Change_of_an_idle_shard_is_sent_at_once_and_the_delay_of_later_ones_grows_with_peers_and_changes(
        int count, int changes, double delay)
    {
        var nodes = Nodes.Named([.. Enumerable.Range(0, count).Select(i => $"n{i}")]);
        var node = nodes["n0"];
        node.Track("first");
        Assert.Equal(count - 1, nodes.Take<DeltaFrame>().Length);
        for (var i = 0; i < changes; i++)
        {
            node.Track($"k{i}");
        }

        Assert.Empty(nodes.Take<DeltaFrame>());
        nodes.Pass(TimeSpan.FromMilliseconds(20));
        node.Track("last");
        var due = Assert.NotNull(node.Shard.NextFlush);
        Assert.Equal(delay, (due - nodes.Now).TotalMilliseconds, 0.01);
    }

    [Fact]
    public void Node_that_recovers_is_known_as_hidden_until_its_presences_are_visible_again()
    {
        var nodes = Nodes.WithPresence();
        var known = () => Assert.Single(nodes["b"].Shard.ViewOf("room").Known.Others).IsShown;
        Assert.True(known());
        nodes.Pass(TimeSpan.FromMinutes(1), lost: (_, _, _) => true);
        Assert.False(known());

        // The answers to its questions are lost.
        nodes.Pass(TimeSpan.FromSeconds(20), lost: (_, to, _) => to == "a", answers: _ => true);
        Assert.True(Assert.Single(nodes["b"].Shard.Peers()).IsUp);
        Assert.Empty(nodes["b"].Keys());
        Assert.False(known());
        nodes.Pass(TimeSpan.FromSeconds(20), answers: _ => true);
        Assert.NotEmpty(nodes["b"].Keys());
        Assert.True(known());
    }

    [Fact]
    public void Leave_frame_ends_all_presences_of_a_node_at_once_as_NodeStopped()
    {
        var nodes = Nodes.WithPresence();
        nodes["b"].Changes.Clear();
        nodes["a"].Do((shard, now, fx) => shard.Leave(now, fx));
        nodes.Deliver();
        Assert.Equal(LeaveReason.NodeStopped, Assert.Single(nodes["b"].Changes).Reason);
        Assert.Empty(nodes["b"].Shard.Peers());
        Assert.True(nodes["b"].Saw(ReplicaEventKind.Stopped));
    }

    [Fact]
    public void Frame_after_a_leave_frame_does_not_restore_the_node()
    {
        var nodes = Nodes.Named("a", "b");
        nodes["a"].Track("k");
        var late = nodes.Take<DeltaFrame>();
        nodes["a"].Do((shard, now, fx) => shard.Leave(now, fx));
        nodes.Deliver();
        nodes.DeliverTo("b", late);
        Assert.Empty(nodes["b"].Keys());
        Assert.Empty(nodes["b"].Shard.Peers());
    }

    [Fact]
    public void Node_that_left_sends_nothing_when_its_sessions_end()
    {
        var nodes = Nodes.WithPresence();
        nodes["a"].Do((shard, now, fx) => shard.Leave(now, fx));
        nodes.Deliver();
        Assert.Equal(1, nodes["a"].End());
        nodes.Pass(TimeSpan.FromSeconds(5));
        Assert.Empty(nodes.InFlight);
    }

    [Fact]
    public void Membership_report_of_a_dead_node_takes_effect_at_once()
    {
        var nodes = Nodes.WithPresence();
        nodes.Crash("a");
        nodes["b"].Changes.Clear();
        nodes["b"].Do((shard, now, fx) => shard.NodeGone(now, "a", 1, fx));
        Assert.Equal(LeaveReason.NodeDown, Assert.Single(nodes["b"].Changes).Reason);
        Assert.Equal(1, nodes["b"].Shard.Measure().Tombstones);
    }

    [Fact]
    public void Membership_report_about_an_earlier_incarnation_ends_nothing()
    {
        var nodes = new Nodes();
        nodes.Add("a", incarnation: 5);
        nodes.Add("b");
        nodes["a"].Track("k");
        nodes.Settle();
        nodes["b"].Do((shard, now, fx) => shard.NodeGone(now, "a", 4, fx));
        Assert.Equal(["k"], nodes["b"].Keys());
    }

    [Fact]
    public void Node_declared_dead_by_mistake_continues_under_a_higher_incarnation()
    {
        var nodes = Nodes.WithPresence();
        nodes["b"].Do((shard, now, fx) => shard.NodeGone(now, "a", 1, fx));
        nodes["a"].Track("k2");
        nodes.Settle();
        nodes.Settle();
        Assert.True(nodes["a"].Shard.Self.Incarnation > 1);
        Assert.Equal(["k", "k2"], nodes["b"].Keys());
    }

    [Fact]
    public void Restart_ends_the_entries_of_the_earlier_incarnation_at_its_first_frame()
    {
        var nodes = Nodes.WithPresence("old");
        nodes.Crash("a");
        nodes["b"].Changes.Clear();
        nodes.Add("a", incarnation: 2);
        nodes.Deliver();
        Assert.Equal(LeaveReason.Replaced, Assert.Single(nodes["b"].Changes).Reason);
    }

    [Fact]
    public void Late_frame_of_an_older_incarnation_does_not_replace_the_newer()
    {
        var nodes = Nodes.Named("a", "b");
        nodes["a"].Track("old");
        var late = nodes.Take<DeltaFrame>();
        nodes.Crash("a");
        nodes.Add("a", incarnation: 2).Track("new");
        nodes.Settle();
        nodes.DeliverTo("b", late);
        Assert.Equal(["new"], nodes["b"].Keys());
        Assert.True(nodes["b"].Saw(ReplicaEventKind.Ignored));
    }

    [Fact]
    public void Node_that_answers_probes_is_not_down_even_if_its_frames_are_lost()
    {
        var nodes = Nodes.WithPresence();
        nodes["b"].Changes.Clear();
        nodes.Pass(TimeSpan.FromMinutes(2), lost: (_, _, _) => true, answers: _ => true);
        Assert.Empty(nodes["b"].Changes);
        Assert.False(nodes["b"].Saw(ReplicaEventKind.Down));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(3.1)]
    [InlineData(9.7)]
    [InlineData(16.4)]
    public void Killed_node_is_down_within_nine_seconds_by_default(double seconds)
    {
        var nodes = Nodes.WithPresence();
        nodes.Pass(TimeSpan.FromSeconds(seconds), answers: _ => true);
        nodes.Crash("a");
        var killed = nodes.Now;
        while (nodes["b"].Keys().Length > 0)
        {
            nodes.Pass(TimeSpan.FromMilliseconds(20), answers: _ => true);
            Assert.True(nodes.Now - killed < TimeSpan.FromSeconds(9), $"still shown {nodes.Now - killed} after");
        }
    }

    [Fact]
    public void Node_that_answers_every_fourth_probe_is_not_down()
    {
        var nodes = Nodes.WithPresence();
        nodes["b"].Changes.Clear();
        var probes = 0;
        nodes.Pass(TimeSpan.FromMinutes(5), lost: (_, _, _) => true, answers: to => to == "b" || ++probes % 4 == 0);
        Assert.True(probes > 40);
        Assert.Empty(nodes["b"].Changes);
    }

    [Fact]
    public void Failed_probe_sent_before_the_last_contact_does_not_count()
    {
        var nodes = Nodes.WithPresence();
        var b = nodes["b"];
        for (var i = 0; i < 4; i++)
        {
            nodes.Pass(TimeSpan.FromSeconds(6), lost: (_, _, _) => true, answers: _ => true);
            // One more is in flight when a frame arrives; its failure is reported afterwards.
            b.Do((shard, now, fx) => shard.Tick(now + TimeSpan.FromSeconds(2.4), fx));
            b.Probes.Clear();
            b.Do((shard, now, fx) => shard.ProbeAnswered(now, nodes["a"].Shard.Self, true, fx));
            b.Do((shard, now, fx) => shard.ProbeAnswered(now, nodes["a"].Shard.Self, false, fx));
        }

        Assert.Equal(["k"], b.Keys());
    }

    [Fact]
    public void Restarted_node_does_not_answer_probes_of_its_predecessor()
    {
        var nodes = Nodes.WithPresence();
        nodes.Crash("a");
        nodes.Add("a", incarnation: 2, introduce: false);
        nodes.Pass(TimeSpan.FromMinutes(1), lost: (_, _, _) => true, answers: _ => true);
        Assert.True(nodes["b"].Saw(ReplicaEventKind.Down));
        Assert.Empty(nodes["b"].Keys());
    }

    [Fact]
    public void Presence_that_ended_during_a_split_does_not_join_on_recovery()
    {
        var nodes = Nodes.Named("a", "b");
        nodes["a"].Track("stays");
        nodes["a"].Track("goes");
        nodes.Settle();
        nodes.Pass(TimeSpan.FromSeconds(40), (_, _, _) => true);
        nodes["a"].Untrack("goes");
        nodes["a"].Track("comes");
        nodes["b"].DrainChanges();
        nodes.Pass(TimeSpan.FromSeconds(30), answers: _ => true);
        Assert.Equal(["+comes", "+stays"], nodes["b"].DrainChanges().Split(' ').Order());
    }

    [Fact]
    public void Presence_that_ended_during_a_suspension_does_not_join_on_recovery()
    {
        var nodes = Nodes.Named("a", "b");
        nodes["a"].Track("stays", process: 1);
        nodes["a"].Track("goes", process: 2);
        nodes.Settle();
        nodes.Pause("a");
        nodes.Pass(TimeSpan.FromSeconds(40), answers: to => to != "a");
        Assert.Empty(nodes["b"].Keys());
        nodes["b"].DrainChanges();
        nodes.Continue("a");
        nodes["b"].Do((shard, now, fx) => shard.ProbeAnswered(now, nodes["a"].Shard.Self, true, fx));
        // The host needs a moment to notice that a socket was closed meanwhile.
        nodes.Pass(TimeSpan.FromSeconds(1), answers: _ => true);
        nodes["a"].End(process: 2);
        nodes.Pass(TimeSpan.FromSeconds(5), answers: _ => true);
        Assert.Equal("+stays", nodes["b"].DrainChanges());
    }

    [Fact]
    public void Suspended_host_does_not_count_its_suspension_as_silence_of_others()
    {
        var nodes = Nodes.WithPresence();
        var later = nodes.Now + TimeSpan.FromMinutes(5);
        nodes["b"].Do((shard, _, fx) => shard.Tick(later, fx));
        Assert.Equal(["k"], nodes["b"].Keys());
        Assert.False(nodes["b"].Saw(ReplicaEventKind.Down));
    }

    [Fact]
    public void Node_started_with_a_used_incarnation_continues_above_it()
    {
        var nodes = new Nodes();
        nodes.Add("a", incarnation: 9);
        nodes.Add("b");
        nodes["a"].Track("old");
        nodes.Settle();
        nodes.Crash("a");
        var again = nodes.Add("a", incarnation: 3);
        again.Track("new");
        nodes.Settle();
        nodes.Settle();
        Assert.True(again.Shard.Self.Incarnation > 9);
        Assert.Equal(["new"], nodes["b"].Keys());
    }

    [Fact]
    public void Idle_node_sends_a_heartbeat_every_silent_periods_plus_one()
    {
        var nodes = Nodes.Named("a", "b");
        nodes.Settle();
        nodes.Pass(TimeSpan.FromSeconds(40), answers: _ => true);
        var heartbeats = 0;
        nodes.Pass(TimeSpan.FromSeconds(66), (from, to, frame) =>
        {
            heartbeats += from == "a" && frame is HeartbeatFrame ? 1 : 0;
            return false;
        }, answers: _ => true);
        Assert.InRange(heartbeats, 3, 5);
    }

    [Fact]
    public void Node_that_membership_names_again_is_synchronized_at_once_in_both_directions()
    {
        var nodes = Nodes.Named("a", "b");
        nodes["a"].Track("k");
        nodes["b"].Track("l");
        nodes.Deliver((_, _, _) => true);
        Assert.Equal(["l"], nodes["b"].Keys());
        nodes["b"].Do((shard, now, fx) => shard.NodeJoined(now, "a", fx));
        nodes["a"].Do((shard, now, fx) => shard.NodeJoined(now, "b", fx));
        nodes.Deliver();
        Assert.Equal(["k", "l"], nodes["a"].Keys());
        Assert.Equal(["k", "l"], nodes["b"].Keys());
    }
}
