namespace Presence.Processes.Tests.Histories;

public sealed class HistoryTests
{
    private static readonly Dictionary<string, (FindingKind? Found, Action<HistoryTests> Happens)> Cases = new()
    {
        ["A regular history has no finding"] = (null, h =>
        {
            h.Join("cid~2", "m2");
            h.See("bob", joins: ["cid~2"]);
            h.Add(at => new Updating(at, "cid~2", 1));
            h.Add(at => new Updated(at, "cid~2", 1));
            h.Add(at => new SawDiff(at, "bob", "room:x", [Shown("cid~2", 1, "r2")], [Shown("cid~2", 0)]));
            h.Add(at => new Ending(at, "cid~2"));
            h.Add(at => new SawDiff(at, "bob", "room:x", [], [Shown("cid~2", 1, "r2", "Untracked")]));
            h.Add(at => new NodeEnded(at, "m1", NodeEndReason.Killed));
            h.Add(at => new VerdictReported(at, "m2", "m1", "7", NodeVerdict.Dead));
            h.Add(at => new SawDiff(at, "bob", "room:x", [], [Shown("ann~1", reason: "NodeDown")]));
        }
        ),
        ["An ended presence that is visible at the end is a ghost"] = (
            FindingKind.Ghost, h => h.Add(at => new Ending(at, "ann~1"))),
        ["A presence of a killed node that is visible at the end is a ghost"] = (
            FindingKind.Ghost, h => h.Add(at => new NodeEnded(at, "m1", NodeEndReason.Killed))),
        ["An ended presence that returns is a ghost even if it leaves again"] = (FindingKind.Ghost, h =>
        {
            h.Add(at => new Ending(at, "ann~1"));
            h.See("bob", leaves: ["ann~1"]);
            h.See("bob", joins: ["ann~1"]);
            h.See("bob", leaves: ["ann~1"]);
        }
        ),
        ["A live presence that is not visible at the end is a loss"] = (FindingKind.Loss, h => h.Join("cid~2", "m2")),
        ["A join that was never acknowledged is no loss"] = (
            null, h => h.Add(at => new Joining(at, "cid~2", "m2", "room:x", "cid"))),
        ["A join of a visible presence is a double join"] = (
            FindingKind.DoubleJoin, h => h.See("bob", joins: ["ann~1"])),
        ["A second entry of one join is a double join"] = (
            FindingKind.DoubleJoin,
            h => h.Add(at => new SawDiff(at, "bob", "room:x", [Shown("ann~1", 0, "other")], []))),
        ["A leave of a presence that is not visible is found"] = (FindingKind.LeaveWithoutJoin, h =>
        {
            h.Add(at => new Ending(at, "ann~1"));
            h.See("bob", leaves: ["ann~1"]);
            h.See("bob", leaves: ["ann~1"]);
        }
        ),
        ["A leave whose reason does not match its cause is found"] = (FindingKind.WrongReason, h =>
        {
            h.Add(at => new NodeEnded(at, "m1", NodeEndReason.Stopped));
            h.Add(at => new SawDiff(at, "bob", "room:x", [], [Shown("ann~1", reason: "NodeDown")]));
        }
        ),
        ["Metadata older than the last acknowledged is stale at the end"] = (FindingKind.Stale, h =>
        {
            h.Add(at => new Updating(at, "ann~1", 1));
            h.Add(at => new Updated(at, "ann~1", 1));
        }
        ),
        ["An observer that has ended need not see the end state"] = (null, h =>
        {
            h.Add(at => new WatchEnded(at, "bob"));
            h.Add(at => new Ending(at, "ann~1"));
        }
        ),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    private readonly List<HistoryEvent> _events = [];
    private int _seconds;

    public HistoryTests()
    {
        Add(at => new NodeStarted(at, "m1"));
        Add(at => new NodeStarted(at, "m2"));
        Join("ann~1", "m1");
        See("bob", state: ["ann~1"]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void History_yields_its_one_finding_or_none(string history)
    {
        var (found, happens) = Cases[history];
        happens(this);
        Assert.Equal(found is { } kind ? [kind] : [], HistoryChecker.Check(_events).Select(finding => finding.Kind));
    }

    [Fact]
    public void Leave_of_a_live_presence_is_false_unless_excused()
    {
        See("bob", leaves: ["ann~1"]);
        See("bob", joins: ["ann~1"]);
        MustFind(FindingKind.FalseLeave);
        Assert.Empty(HistoryChecker.Check(_events, new Excuse(TimeSpan.Zero, TimeSpan.FromSeconds(100))));
    }

    [Fact]
    public void Only_observers_on_a_disconnected_dead_node_may_see_the_others_leave()
    {
        Join("cid~2", "m2");
        See("cid~2", state: ["ann~1", "cid~2"]);
        Add(at => new NodeEnded(at, "m2", NodeEndReason.Killed));
        See("cid~2", leaves: ["ann~1"]);
        Add(at => new WatchEnded(at, "cid~2"));
        Assert.Empty(HistoryChecker.Check(_events));
        See("bob", leaves: ["ann~1"]);
        See("bob", joins: ["ann~1"]);
        MustFind(FindingKind.FalseLeave);
    }

    [Theory]
    [InlineData(NodeEndReason.Stopped, NodeVerdict.Dead)]
    [InlineData(NodeEndReason.Stopped, NodeVerdict.Down)]
    [InlineData(NodeEndReason.Killed, NodeVerdict.Stopped)]
    public void Verdict_that_does_not_match_the_end_of_a_node_is_found(NodeEndReason end, NodeVerdict verdict)
    {
        Add(at => new NodeEnded(at, "m1", end));
        See("bob", leaves: ["ann~1"]);
        Add(at => new VerdictReported(at, "m2", "m1", "7", verdict));
        MustFind(FindingKind.WrongReason);
    }

    [Fact]
    public void Live_node_reported_dead_is_found_unless_excused()
    {
        Add(at => new VerdictReported(at, "m2", "m1", "7", NodeVerdict.Dead));
        MustFind(FindingKind.LivingReportedDown);
        Assert.Empty(HistoryChecker.Check(_events, new Excuse(TimeSpan.Zero, TimeSpan.FromSeconds(100))));
    }

    private void MustFind(FindingKind kind) =>
        Assert.Equal([kind], HistoryChecker.Check(_events).Select(finding => finding.Kind));

    private void Join(string presence, string node)
    {
        Add(at => new Joining(at, presence, node, "room:x", presence.Split('~')[0]));
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
