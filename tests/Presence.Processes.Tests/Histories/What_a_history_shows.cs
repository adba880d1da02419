namespace Presence.Processes.Tests.Histories;

public sealed class What_a_history_shows
{
    private static readonly Dictionary<string, (FindingKind? Found, Action<What_a_history_shows> Happens)> Cases = new()
    {
        ["An orderly life is no finding"] = (null, h =>
        {
            h.Join("cid~2", "m2");
            h.See("bob", joins: ["cid~2"]);
            h.Add(at => new Updating(at, "cid~2", 1));
            h.Add(at => new Updated(at, "cid~2", 1));
            h.Add(at => new SawDiff(at, "bob", "room:x", [Shown("cid~2", 1, "r2")], [Shown("cid~2", 0)]));
            h.Add(at => new Ending(at, "cid~2"));
            h.Add(at => new SawDiff(at, "bob", "room:x", [], [Shown("cid~2", 1, "r2", "Untracked")]));
            h.Add(at => new MemberEnded(at, "m1", MemberEnd.Killed));
            h.Add(at => new MemberSaid(at, "m2", "m1", "7", MemberVerdict.Dead));
            h.Add(at => new SawDiff(at, "bob", "room:x", [], [Shown("ann~1", reason: "NodeDown")]));
        }
        ),
        ["Somebody who has ended and is shown at the end is a ghost"] = (
            FindingKind.Ghost, h => h.Add(at => new Ending(at, "ann~1"))),
        ["Somebody whose member was killed and is shown at the end is a ghost"] = (
            FindingKind.Ghost, h => h.Add(at => new MemberEnded(at, "m1", MemberEnd.Killed))),
        ["Somebody who comes back after the end is a ghost even if it goes again"] = (FindingKind.Ghost, h =>
        {
            h.Add(at => new Ending(at, "ann~1"));
            h.See("bob", leaves: ["ann~1"]);
            h.See("bob", joins: ["ann~1"]);
            h.See("bob", leaves: ["ann~1"]);
        }
        ),
        ["Somebody who is present and not shown at the end is a loss"] = (FindingKind.Loss, h => h.Join("cid~2", "m2")),
        ["A join that was never acknowledged is no loss"] = (
            null, h => h.Add(at => new Joining(at, "cid~2", "m2", "room:x", "cid"))),
        ["A join of somebody who is shown is a double join"] = (
            FindingKind.DoubleJoin, h => h.See("bob", joins: ["ann~1"])),
        ["A second entry of one join is a double join"] = (
            FindingKind.DoubleJoin,
            h => h.Add(at => new SawDiff(at, "bob", "room:x", [Shown("ann~1", 0, "other")], []))),
        ["A leave of somebody who is not shown is found"] = (FindingKind.LeaveWithoutJoin, h =>
        {
            h.Add(at => new Ending(at, "ann~1"));
            h.See("bob", leaves: ["ann~1"]);
            h.See("bob", leaves: ["ann~1"]);
        }
        ),
        ["A leave for another reason than what happened is found"] = (FindingKind.WrongReason, h =>
        {
            h.Add(at => new MemberEnded(at, "m1", MemberEnd.Stopped));
            h.Add(at => new SawDiff(at, "bob", "room:x", [], [Shown("ann~1", reason: "NodeDown")]));
        }
        ),
        ["Metadata older than what was acknowledged is stale at the end"] = (FindingKind.Stale, h =>
        {
            h.Add(at => new Updating(at, "ann~1", 1));
            h.Add(at => new Updated(at, "ann~1", 1));
        }
        ),
        ["An observer who is gone need not know how it ended"] = (null, h =>
        {
            h.Add(at => new WatchEnded(at, "bob"));
            h.Add(at => new Ending(at, "ann~1"));
        }
        ),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    private readonly List<HistoryEvent> _events = [];
    private int _seconds;

    public What_a_history_shows()
    {
        Add(at => new MemberStarted(at, "m1"));
        Add(at => new MemberStarted(at, "m2"));
        Join("ann~1", "m1");
        See("bob", state: ["ann~1"]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_history_shows_its_one_fault_or_none(string history)
    {
        var (found, happens) = Cases[history];
        happens(this);
        Assert.Equal(found is { } kind ? [kind] : [], HistoryChecker.Check(_events).Select(finding => finding.Kind));
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
