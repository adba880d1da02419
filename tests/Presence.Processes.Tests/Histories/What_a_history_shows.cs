using Presence.Harness.Histories;

namespace Presence.Processes.Tests.Histories;

public sealed class What_a_history_shows
{
    private readonly List<HistoryEvent> _events = [];
    private int _seconds;

    public What_a_history_shows()
    {
        Add(at => new MemberStarted(at, "m1"));
        Add(at => new MemberStarted(at, "m2"));
        Join("ann~1", "m1");
        See("bob", state: ["ann~1"]);
    }

    [Fact]
    public void An_orderly_life_is_no_finding()
    {
        Join("cid~2", "m2");
        See("bob", joins: ["cid~2"]);
        Add(at => new Updating(at, "cid~2", 1));
        Add(at => new Updated(at, "cid~2", 1));
        Add(at => new SawDiff(at, "bob", "room:x", [Shown("cid~2", 1, "r2")], [Shown("cid~2", 0)]));
        Add(at => new Ending(at, "cid~2"));
        Add(at => new SawDiff(at, "bob", "room:x", [], [Shown("cid~2", 1, "r2", "Untracked")]));
        Add(at => new MemberEnded(at, "m1", MemberEnd.Killed));
        Add(at => new MemberSaid(at, "m2", "m1", "7", MemberVerdict.Dead));
        Add(at => new SawDiff(at, "bob", "room:x", [], [Shown("ann~1", reason: "NodeDown")]));

        Assert.Empty(HistoryChecker.Check(_events));
    }

    [Fact]
    public void Somebody_who_has_ended_and_is_shown_at_the_end_is_a_ghost()
    {
        Add(at => new Ending(at, "ann~1"));

        MustFind(FindingKind.Ghost);
    }

    [Fact]
    public void Somebody_whose_member_was_killed_and_is_shown_at_the_end_is_a_ghost()
    {
        Add(at => new MemberEnded(at, "m1", MemberEnd.Killed));

        MustFind(FindingKind.Ghost);
    }

    [Fact]
    public void Somebody_who_comes_back_after_the_end_is_a_ghost_even_if_it_goes_again()
    {
        Add(at => new Ending(at, "ann~1"));
        See("bob", leaves: ["ann~1"]);
        See("bob", joins: ["ann~1"]);
        See("bob", leaves: ["ann~1"]);

        MustFind(FindingKind.Ghost);
    }

    [Fact]
    public void Somebody_who_is_present_and_not_shown_at_the_end_is_a_loss()
    {
        Join("cid~2", "m2");

        MustFind(FindingKind.Loss);
    }

    [Fact]
    public void A_join_that_was_never_acknowledged_is_no_loss()
    {
        Add(at => new Joining(at, "cid~2", "m2", "room:x", "cid"));

        Assert.Empty(HistoryChecker.Check(_events));
    }

    [Fact]
    public void A_join_of_somebody_who_is_shown_is_a_double_join()
    {
        See("bob", joins: ["ann~1"]);

        MustFind(FindingKind.DoubleJoin);
    }

    [Fact]
    public void A_second_entry_of_one_join_is_a_double_join()
    {
        Add(at => new SawDiff(at, "bob", "room:x", [Shown("ann~1", 0, "other")], []));

        MustFind(FindingKind.DoubleJoin);
    }

    [Fact]
    public void A_leave_of_somebody_who_is_not_shown_is_found()
    {
        Add(at => new Ending(at, "ann~1"));
        See("bob", leaves: ["ann~1"]);
        See("bob", leaves: ["ann~1"]);

        MustFind(FindingKind.LeaveWithoutJoin);
    }

    [Fact]
    public void A_leave_of_somebody_who_lives_is_false_unless_it_is_excused()
    {
        See("bob", leaves: ["ann~1"]);
        See("bob", joins: ["ann~1"]);

        MustFind(FindingKind.FalseLeave);
        Assert.Empty(HistoryChecker.Check(_events, new Excuse(TimeSpan.Zero, TimeSpan.FromSeconds(100))));
    }

    [Fact]
    public void Who_is_on_a_member_that_was_cut_off_past_its_death_may_see_the_others_leave_and_nobody_else_may()
    {
        Join("cid~2", "m2");
        See("cid~2", state: ["ann~1", "cid~2"]);
        Add(at => new MemberEnded(at, "m2", MemberEnd.Killed));
        See("cid~2", leaves: ["ann~1"]);
        Add(at => new WatchEnded(at, "cid~2"));
        Assert.Empty(HistoryChecker.Check(_events));

        See("bob", leaves: ["ann~1"]);
        See("bob", joins: ["ann~1"]);
        MustFind(FindingKind.FalseLeave);
    }

    [Fact]
    public void A_leave_for_another_reason_than_what_happened_is_found()
    {
        Add(at => new MemberEnded(at, "m1", MemberEnd.Stopped));
        Add(at => new SawDiff(at, "bob", "room:x", [], [Shown("ann~1", reason: "NodeDown")]));

        MustFind(FindingKind.WrongReason);
    }

    [Theory]
    [InlineData(MemberEnd.Stopped, MemberVerdict.Dead)]
    [InlineData(MemberEnd.Stopped, MemberVerdict.Down)]
    [InlineData(MemberEnd.Killed, MemberVerdict.Stopped)]
    public void A_verdict_that_does_not_fit_a_members_end_is_found(MemberEnd end, MemberVerdict verdict)
    {
        Add(at => new MemberEnded(at, "m1", end));
        See("bob", leaves: ["ann~1"]);
        Add(at => new MemberSaid(at, "m2", "m1", "7", verdict));

        MustFind(FindingKind.WrongReason);
    }

    [Fact]
    public void A_member_that_lives_and_is_called_dead_is_found_unless_it_is_excused()
    {
        Add(at => new MemberSaid(at, "m2", "m1", "7", MemberVerdict.Dead));

        MustFind(FindingKind.LivingReportedDown);
        Assert.Empty(HistoryChecker.Check(_events, new Excuse(TimeSpan.Zero, TimeSpan.FromSeconds(100))));
    }

    [Fact]
    public void Metadata_older_than_what_was_acknowledged_is_stale_at_the_end()
    {
        Add(at => new Updating(at, "ann~1", 1));
        Add(at => new Updated(at, "ann~1", 1));

        MustFind(FindingKind.Stale);
    }

    [Fact]
    public void An_observer_who_is_gone_need_not_know_how_it_ended()
    {
        Add(at => new WatchEnded(at, "bob"));
        Add(at => new Ending(at, "ann~1"));

        Assert.Empty(HistoryChecker.Check(_events));
    }

    private void MustFind(FindingKind kind) => Assert.Equal([kind], HistoryChecker.Check(_events).Select(finding => finding.Kind));

    private void Join(string presence, string member)
    {
        Add(at => new Joining(at, presence, member, "room:x", presence.Split('~')[0]));
        Add(at => new Joined(at, presence));
    }

    private void See(string observer, string[]? state = null, string[]? joins = null, string[]? leaves = null)
    {
        if (state is not null)
        {
            Add(at => new SawState(at, observer, "room:x", [.. state.Select(name => Shown(name))]));
        }

        if (joins is not null || leaves is not null)
        {
            Add(at => new SawDiff(
                at,
                observer,
                "room:x",
                [.. (joins ?? []).Select(name => Shown(name))],
                [.. (leaves ?? []).Select(name => Shown(name))]));
        }
    }

    private void Add(Func<TimeSpan, HistoryEvent> make) => _events.Add(make(TimeSpan.FromSeconds(++_seconds)));

    private static Shown Shown(string presence, int version = 0, string? reference = null, string? reason = null) =>
        new(presence.Split('~')[0], reference ?? "ref-" + presence, presence, version, reason);
}
