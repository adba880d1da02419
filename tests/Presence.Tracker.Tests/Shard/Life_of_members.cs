namespace Presence.Tracker.Tests.Shard;

public sealed class Life_of_members
{
    [Fact]
    public void A_change_of_a_quiet_shard_leaves_at_once_and_later_ones_within_the_delay()
    {
        var members = Members.Named("a", "b");
        members["a"].Track("k1");
        Assert.Single(members.Take<DeltaFrame>());
        members["a"].Track("k2");
        Assert.Empty(members.Take<DeltaFrame>());
        Assert.Equal(members.Now + TimeSpan.FromMilliseconds(20), members["a"].Shard.NextFlush);
    }

    [Fact]
    public void A_farewell_ends_all_of_a_member_at_once_with_the_reason_NodeStopped()
    {
        var members = Members.WithPresence();
        members["b"].Changes.Clear();
        members["a"].Do((shard, now, fx) => shard.Leave(now, fx));
        members.Deliver();
        Assert.Equal(LeaveReason.NodeStopped, Assert.Single(members["b"].Changes).Reason);
        Assert.Empty(members["b"].Shard.Peers());
        Assert.True(members["b"].Saw(ReplicaEventKind.Stopped));
    }

    [Fact]
    public void What_arrives_after_a_farewell_does_not_bring_the_member_back()
    {
        var members = Members.Named("a", "b");
        members["a"].Track("k");
        var late = members.Take<DeltaFrame>();
        members["a"].Do((shard, now, fx) => shard.Leave(now, fx));
        members.Deliver();
        members.Give("b", late);
        Assert.Empty(members["b"].Keys());
        Assert.Empty(members["b"].Shard.Peers());
    }

    [Fact]
    public void A_member_that_left_sends_nothing_when_its_processes_end()
    {
        var members = Members.WithPresence();
        members["a"].Do((shard, now, fx) => shard.Leave(now, fx));
        members.Deliver();
        Assert.Equal(1, members["a"].End());
        members.Pass(TimeSpan.FromSeconds(5));
        Assert.Empty(members.OnTheWay);
    }

    [Fact]
    public void Membership_that_says_gone_is_believed_at_once()
    {
        var members = Members.WithPresence();
        members.Crash("a");
        members["b"].Changes.Clear();
        members["b"].Do((shard, now, fx) => shard.MemberGone(now, "a", 1, fx));
        Assert.Equal(LeaveReason.NodeDown, Assert.Single(members["b"].Changes).Reason);
        Assert.Equal(1, members["b"].Shard.Measure().Graves);
    }

    [Fact]
    public void Membership_that_says_an_earlier_incarnation_is_gone_ends_nothing()
    {
        var members = new Members();
        members.Add("a", incarnation: 5);
        members.Add("b");
        members["a"].Track("k");
        members.Settle();
        members["b"].Do((shard, now, fx) => shard.MemberGone(now, "a", 4, fx));
        Assert.Equal(["k"], members["b"].Keys());
    }

    [Fact]
    public void A_member_buried_by_mistake_goes_on_under_a_higher_incarnation()
    {
        var members = Members.WithPresence();
        members["b"].Do((shard, now, fx) => shard.MemberGone(now, "a", 1, fx));
        members["a"].Track("k2");
        members.Settle();
        members.Settle();
        Assert.True(members["a"].Shard.Self.Incarnation > 1);
        Assert.Equal(["k", "k2"], members["b"].Keys());
    }

    [Fact]
    public void A_restart_ends_the_entries_of_the_earlier_incarnation_at_its_first_frame()
    {
        var members = Members.WithPresence("old");
        members.Crash("a");
        members["b"].Changes.Clear();
        members.Add("a", incarnation: 2);
        members.Deliver();
        Assert.Equal(LeaveReason.Replaced, Assert.Single(members["b"].Changes).Reason);
    }

    [Fact]
    public void A_late_frame_of_an_older_incarnation_does_not_throw_out_the_newer()
    {
        var members = Members.Named("a", "b");
        members["a"].Track("old");
        var late = members.Take<DeltaFrame>();
        members.Crash("a");
        members.Add("a", incarnation: 2).Track("new");
        members.Settle();
        members.Give("b", late);
        Assert.Equal(["new"], members["b"].Keys());
        Assert.True(members["b"].Saw(ReplicaEventKind.Ignored));
    }

    [Fact]
    public void A_member_that_answers_probes_is_not_down_whatever_happens_to_its_frames()
    {
        var members = Members.WithPresence();
        members["b"].Changes.Clear();
        members.Pass(TimeSpan.FromMinutes(2), lost: (_, _, _) => true, answers: _ => true);
        Assert.Empty(members["b"].Changes);
        Assert.False(members["b"].Saw(ReplicaEventKind.Down));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(3.1)]
    [InlineData(9.7)]
    [InlineData(16.4)]
    public void A_killed_member_is_held_as_down_within_nine_seconds_by_default(double seconds)
    {
        var members = Members.WithPresence();
        members.Pass(TimeSpan.FromSeconds(seconds), answers: _ => true);
        members.Crash("a");
        var killed = members.Now;
        while (members["b"].Keys().Length > 0)
        {
            members.Pass(TimeSpan.FromMilliseconds(20), answers: _ => true);
            Assert.True(members.Now - killed < TimeSpan.FromSeconds(9), $"still shown {members.Now - killed} after");
        }
    }

    [Fact]
    public void A_member_that_answers_every_fourth_probe_is_not_down()
    {
        var members = Members.WithPresence();
        members["b"].Changes.Clear();
        var probes = 0;
        members.Pass(TimeSpan.FromMinutes(5), lost: (_, _, _) => true, answers: to => to == "b" || ++probes % 4 == 0);
        Assert.True(probes > 40);
        Assert.Empty(members["b"].Changes);
    }

    [Fact]
    public void A_probe_from_before_the_last_sign_of_life_does_not_count_against_a_member()
    {
        var members = Members.WithPresence();
        var b = members["b"];
        for (var i = 0; i < 4; i++)
        {
            members.Pass(TimeSpan.FromSeconds(6), lost: (_, _, _) => true, answers: _ => true);
            // One more is under way when a frame comes; its failure is told afterwards.
            b.Do((shard, now, fx) => shard.Tick(now + TimeSpan.FromSeconds(2.4), fx));
            b.Probes.Clear();
            b.Do((shard, now, fx) => shard.ProbeAnswered(now, members["a"].Shard.Self, true, fx));
            b.Do((shard, now, fx) => shard.ProbeAnswered(now, members["a"].Shard.Self, false, fx));
        }

        Assert.Equal(["k"], b.Keys());
    }

    [Fact]
    public void A_restarted_member_does_not_vouch_for_its_predecessor()
    {
        var members = Members.WithPresence();
        members.Crash("a");
        members.Add("a", incarnation: 2, introduce: false);
        members.Pass(TimeSpan.FromMinutes(1), lost: (_, _, _) => true, answers: _ => true);
        Assert.True(members["b"].Saw(ReplicaEventKind.Down));
        Assert.Empty(members["b"].Keys());
    }

    [Fact]
    public void Who_left_during_a_split_is_not_seen_joining_on_heal()
    {
        var members = Members.Named("a", "b");
        members["a"].Track("stays");
        members["a"].Track("goes");
        members.Settle();
        members.Pass(TimeSpan.FromSeconds(40), (_, _, _) => true);
        members["a"].Untrack("goes");
        members["a"].Track("comes");
        members["b"].Heard();
        members.Pass(TimeSpan.FromSeconds(30), answers: _ => true);
        Assert.Equal(["+comes", "+stays"], members["b"].Heard().Split(' ').Order());
    }

    [Fact]
    public void Who_ended_while_the_member_was_paused_is_not_seen_joining_when_it_goes_on()
    {
        var members = Members.Named("a", "b");
        members["a"].Track("stays", process: 1);
        members["a"].Track("goes", process: 2);
        members.Settle();
        members.Pause("a");
        members.Pass(TimeSpan.FromSeconds(40), answers: to => to != "a");
        Assert.Empty(members["b"].Keys());
        members["b"].Heard();
        members.Continue("a");
        members["b"].Do((shard, now, fx) => shard.ProbeAnswered(now, members["a"].Shard.Self, true, fx));
        // It takes a moment until the host reads that a socket was closed meanwhile.
        members.Pass(TimeSpan.FromSeconds(1), answers: _ => true);
        members["a"].End(process: 2);
        members.Pass(TimeSpan.FromSeconds(5), answers: _ => true);
        Assert.Equal("+stays", members["b"].Heard());
    }

    [Fact]
    public void A_host_that_was_paused_does_not_take_its_own_pause_for_the_silence_of_others()
    {
        var members = Members.WithPresence();
        var later = members.Now + TimeSpan.FromMinutes(5);
        members["b"].Do((shard, _, fx) => shard.Tick(later, fx));
        Assert.Equal(["k"], members["b"].Keys());
        Assert.False(members["b"].Saw(ReplicaEventKind.Down));
    }

    [Fact]
    public void Members_of_another_pool_size_refuse_each_other_with_a_clear_word()
    {
        var members = new Members();
        members.Add("a");
        members.Add("b", options: new TrackerOptions { PoolSize = 2 });
        members["a"].Track("k");
        members.Settle();
        Assert.Empty(members["b"].Keys());
        var refused = Assert.Single(members["b"].Events, e => e.Kind == ReplicaEventKind.Refused);
        Assert.Contains("PoolSize is 1, this member's is 2", refused.Detail);
    }

    [Fact]
    public void A_start_with_an_incarnation_that_was_used_goes_on_above_it()
    {
        var members = new Members();
        members.Add("a", incarnation: 9);
        members.Add("b");
        members["a"].Track("old");
        members.Settle();
        members.Crash("a");
        var again = members.Add("a", incarnation: 3);
        again.Track("new");
        members.Settle();
        members.Settle();
        Assert.True(again.Shard.Self.Incarnation > 9);
        Assert.Equal(["new"], members["b"].Keys());
    }

    [Fact]
    public void A_silent_member_still_says_that_it_lives_every_silent_periods_and_one()
    {
        var members = Members.Named("a", "b");
        members.Settle();
        members.Pass(TimeSpan.FromSeconds(40), answers: _ => true);
        var heartbeats = 0;
        members.Pass(TimeSpan.FromSeconds(66), (from, to, frame) =>
        {
            heartbeats += from == "a" && frame is HeartbeatFrame ? 1 : 0;
            return false;
        }, answers: _ => true);
        Assert.InRange(heartbeats, 3, 5);
    }

    [Fact]
    public void A_member_that_is_named_again_is_told_and_asked_at_once_what_was_missed()
    {
        var members = Members.Named("a", "b");
        members["a"].Track("k");
        members["b"].Track("l");
        members.Deliver((_, _, _) => true);
        Assert.Equal(["l"], members["b"].Keys());
        members["b"].Do((shard, now, fx) => shard.MemberJoined(now, "a", fx));
        members["a"].Do((shard, now, fx) => shard.MemberJoined(now, "b", fx));
        members.Deliver();
        Assert.Equal(["k", "l"], members["a"].Keys());
        Assert.Equal(["k", "l"], members["b"].Keys());
    }
}
