using Presence.Grains.Unique;

namespace Presence.Grains.Tests.Unique;

/// <summary>What the arbiter decides, in virtual time.</summary>
public class RosterTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Agreement = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, long> _numbers = [];
    private TimeSpan _now;

    [Fact]
    public void The_first_that_attended_runs_it_once_every_silo_was_asked_and_it_has_settled()
    {
        var roster = New("s1", "s2");
        Hear(roster, Able("a", "s1"));
        Hear(roster, Able("b", "s1"));
        At(roster, Settle);
        Assert.Equal(UniqueVerdictKind.Stay, roster.VerdictFor("a").Kind);
        roster.Asked("s2");
        At(roster, Settle);
        Assert.Equal((UniqueVerdictKind.Run, 1), (roster.VerdictFor("a").Kind, roster.VerdictFor("a").Term));
        Assert.Equal(UniqueVerdictKind.Stay, roster.VerdictFor("b").Kind);
        Assert.Equal(["a"], roster.TakeCalls().Select(s => s.Id));
    }

    [Fact]
    public void Nobody_runs_it_before_it_has_settled()
    {
        var roster = New();
        Hear(roster, Able("a"));
        Assert.Equal(Settle, roster.NextStep);
        Assert.Equal(UniqueVerdictKind.Stay, roster.VerdictFor("a").Kind);
    }

    [Fact]
    public void A_silo_that_does_not_answer_is_given_up_after_the_agreement_timeout()
    {
        var roster = New("s2");
        Hear(roster, Able("a"));
        At(roster, Agreement - TimeSpan.FromMilliseconds(1));
        Assert.Equal(UniqueVerdictKind.Stay, roster.VerdictFor("a").Kind);
        Assert.Equal(Agreement, roster.NextStep);
        At(roster, Agreement);
        Assert.Equal(UniqueVerdictKind.Run, roster.VerdictFor("a").Kind);
    }

    [Fact]
    public void A_silo_that_is_over_need_not_be_asked()
    {
        var roster = New("s2");
        Hear(roster, Able("a"));
        roster.SiloGone("s2", _now);
        At(roster, Settle);
        Assert.Equal(UniqueVerdictKind.Run, roster.VerdictFor("a").Kind);
    }

    [Fact]
    public void One_that_was_found_running_goes_on_and_nobody_else_starts()
    {
        var roster = New("s2");
        Hear(roster, Able("a"));
        Hear(roster, Runs("b", 7, "s2"));
        At(roster, Agreement);
        Assert.Equal((UniqueVerdictKind.Run, 7), (roster.VerdictFor("b").Kind, roster.VerdictFor("b").Term));
        Assert.Equal(UniqueVerdictKind.Stay, roster.VerdictFor("a").Kind);
        Assert.Equal(0, roster.Grants);
    }

    [Fact]
    public void A_term_is_above_all_that_anybody_has_heard_of()
    {
        var roster = New();
        Hear(roster, Able("a"));
        Hear(roster, Able("b") with { Term = 41 });
        At(roster, Settle);
        Assert.Equal(42, roster.VerdictFor("a").Term);
    }

    [Fact]
    public void Of_two_that_run_the_older_term_stays_whichever_is_heard_first()
    {
        foreach (var isOlderFirst in new[] { true, false })
        {
            _numbers.Clear();
            var roster = New();
            Hear(roster, isOlderFirst ? Runs("old", 3) : Runs("new", 4));
            Hear(roster, isOlderFirst ? Runs("new", 4) : Runs("old", 3));
            var verdict = roster.VerdictFor("new");
            Assert.Equal(
                (UniqueVerdictKind.Stop, 4, UniqueStopReason.NameConflict), (verdict.Kind, verdict.Term, verdict.Reason));
            Assert.Equal((UniqueVerdictKind.Run, 3), (roster.VerdictFor("old").Kind, roster.VerdictFor("old").Term));
            Assert.Equal(1, roster.Conflicts);
            Assert.Equal(["new"], roster.TakeCalls().Select(s => s.Id));
        }
    }

    [Fact]
    public void One_that_was_not_heard_for_the_lease_is_replaced_after_the_takeover_delay()
    {
        var roster = Running("a");
        _now = Lease - TimeSpan.FromSeconds(1);
        Hear(roster, Able("b"));
        At(roster, Settle + Lease);
        Assert.Equal(UniqueVerdictKind.Stay, roster.VerdictFor("b").Kind);
        Assert.Equal(Settle + Lease + Delay, roster.NextStep);
        At(roster, Settle + Lease + Delay);
        Assert.Equal((UniqueVerdictKind.Run, 2), (roster.VerdictFor("b").Kind, roster.VerdictFor("b").Term));
    }

    [Fact]
    public void One_whose_silo_is_over_is_replaced_after_the_takeover_delay()
    {
        var roster = Running("a", "s1");
        Hear(roster, Able("b", "s2"));
        roster.SiloGone("s1", _now);
        roster.Step(_now);
        Assert.Equal(UniqueVerdictKind.Stay, roster.VerdictFor("b").Kind);
        At(roster, _now + Delay);
        Assert.Equal((UniqueVerdictKind.Run, 2), (roster.VerdictFor("b").Kind, roster.VerdictFor("b").Term));
    }

    [Fact]
    public void One_that_leaves_is_replaced_at_once_by_one_that_gets_what_it_left_until_it_runs()
    {
        var roster = Running("a");
        Hear(roster, Able("b"));
        roster.Left(Next(Able("a") with { IsAble = false, Term = 1 }), [1, 2], _now);
        roster.Step(_now);
        Assert.True(roster.AwaitsHolder);
        Assert.Equal([1, 2], roster.VerdictFor("b").State);
        Assert.Equal(2, roster.VerdictFor("b").Term);
        Hear(roster, Runs("b", 2));
        Assert.False(roster.AwaitsHolder);
        Assert.Empty(roster.VerdictFor("b").State);
    }

    [Fact]
    public void What_one_leaves_that_does_not_run_it_is_nobodys()
    {
        var roster = Running("a");
        Hear(roster, Runs("b", 2));
        roster.Left(Next(Able("b") with { IsAble = false, Term = 2 }), [9], _now);
        Hear(roster, Able("c"));
        roster.Left(Next(Able("a") with { IsAble = false, Term = 1 }), [], _now);
        roster.Step(_now);
        Assert.Equal(UniqueVerdictKind.Run, roster.VerdictFor("c").Kind);
        Assert.Empty(roster.VerdictFor("c").State);
    }

    [Fact]
    public void One_that_has_ended_is_replaced_though_nobody_heard_it_leave()
    {
        var roster = Running("a");
        Hear(roster, Able("b"));
        Hear(roster, Able("a") with { Term = 1, IsAble = false });
        Assert.Equal((UniqueVerdictKind.Run, 2), (roster.VerdictFor("b").Kind, roster.VerdictFor("b").Term));
    }

    [Fact]
    public void One_that_was_told_to_run_and_says_nothing_is_told_again_and_then_passed_over()
    {
        var roster = New();
        Hear(roster, Able("a"));
        Hear(roster, Able("b"));
        At(roster, Settle);
        Hear(roster, Able("a"));
        Assert.Equal((UniqueVerdictKind.Run, 1), (roster.VerdictFor("a").Kind, roster.VerdictFor("a").Term));
        At(roster, Settle + Agreement);
        Assert.Equal(UniqueVerdictKind.Stay, roster.VerdictFor("a").Kind);
        Assert.Equal((UniqueVerdictKind.Run, 2), (roster.VerdictFor("b").Kind, roster.VerdictFor("b").Term));
    }

    [Fact]
    public void One_that_does_not_want_to_run_is_passed_over_at_once()
    {
        var roster = New();
        Hear(roster, Able("a"));
        Hear(roster, Able("b"));
        At(roster, Settle);
        Hear(roster, Able("a") with { IsAble = false });
        Assert.Equal(UniqueVerdictKind.Run, roster.VerdictFor("b").Kind);
    }

    [Fact]
    public void What_a_seat_said_before_is_void_when_it_comes_late()
    {
        var roster = New();
        var late = Next(Runs("a", 5));
        Hear(roster, Able("a"));
        Hear(roster, late);
        At(roster, Settle);
        Assert.Equal((UniqueVerdictKind.Run, 1), (roster.VerdictFor("a").Kind, roster.VerdictFor("a").Term));
        Assert.True(roster.AwaitsHolder);
    }

    [Fact]
    public void A_hand_over_tells_the_one_that_runs_it_to_stop_until_it_has()
    {
        var roster = New();
        Assert.False(roster.HandOver());
        roster = Running("a");
        Hear(roster, Able("b"));
        Assert.True(roster.HandOver());
        Assert.Equal(UniqueStopReason.HandedOver, roster.VerdictFor("a").Reason);
        Hear(roster, Runs("a", 1));
        Assert.Equal((UniqueVerdictKind.Stop, 1), (roster.VerdictFor("a").Kind, roster.VerdictFor("a").Term));
        roster.Left(Next(Able("a") with { IsAble = false, Term = 1 }), [], _now);
        roster.Step(_now);
        Hear(roster, Runs("b", 2));
        Assert.Equal(UniqueVerdictKind.Run, roster.VerdictFor("b").Kind);
    }

    [Fact]
    public void In_consistent_mode_it_knows_who_runs_it_and_tells_nobody_to()
    {
        var roster = New();
        Hear(roster, Consistent(Able("a")));
        Hear(roster, Consistent(Able("b")));
        At(roster, Agreement);
        Assert.Equal(UniqueVerdictKind.Stay, roster.VerdictFor("a").Kind);
        Hear(roster, Consistent(Runs("a", 0)) with { Epoch = 4 });
        Hear(roster, Consistent(Runs("b", 0)) with { Epoch = 5 });
        Assert.Equal(UniqueVerdictKind.Stay, roster.VerdictFor("a").Kind);
        Assert.Equal(("n-b", 5), (roster.Status("job")!.Node, roster.Status("job")!.Epoch));
        Assert.Equal(0, roster.Conflicts);
        Assert.True(roster.HandOver());
        Assert.Equal((UniqueStopReason.HandedOver, 5), (roster.VerdictFor("b").Reason, roster.VerdictFor("b").Term));
        Hear(roster, Consistent(Able("b")));
        Assert.Null(roster.Status("job")!.Node);
    }

    [Fact]
    public void Seats_of_two_modes_and_too_many_seats_are_refused()
    {
        var roster = New();
        Hear(roster, Able("a"));
        Assert.Throws<ArgumentException>(() => Hear(roster, Consistent(Able("b"))));
        for (var i = 1; i < Roster.MaxSeats; i++)
        {
            roster.Heard(Next(Able($"x{i}")), _now);
        }

        Assert.Throws<PresenceOverloadException>(() => Hear(roster, Able("one more")));
        Hear(roster, Able("a"));
    }

    [Fact]
    public void The_status_names_who_runs_it_and_who_stands_by_and_forgets_who_has_gone()
    {
        var roster = New();
        Assert.Null(roster.Status("job"));
        roster = Running("a");
        Hear(roster, Able("c"));
        Hear(roster, Able("b"));
        var status = roster.Status("job")!;
        Assert.Equal(("job", "n-a", UniqueProcessMode.Available), (status.Name, status.Node, status.Mode));
        Assert.Equal(["n-b", "n-c"], status.Standbys);
        Hear(roster, Able("b") with { State = UniqueSeatState.Gone });
        Hear(roster, Able("a") with { State = UniqueSeatState.Gone });
        Assert.Equal((null, 0), (roster.Status("job")!.Node, roster.Status("job")!.Standbys.Count - 1));
        Assert.Equal(UniqueVerdictKind.Run, roster.VerdictFor("c").Kind);
    }

    [Fact]
    public void The_oldest_silo_is_the_one_of_the_lowest_generation()
    {
        var silos = new[] { "10.0.0.3:1@7", "10.0.0.2:1@5", "10.0.0.1:1@5", "10.0.0.1:1@9" }
            .Select(Orleans.Runtime.SiloAddress.FromParsableString).ToList();
        var oldest = OldestPlacementDirector.Oldest(silos)!;
        Assert.Equal(5, oldest.Generation);
        silos.Reverse();
        Assert.Equal(oldest, OldestPlacementDirector.Oldest(silos));
        Assert.Null(OldestPlacementDirector.Oldest([]));
    }

    private static UniqueSeat Able(string id, string silo = "s1") => new(
        id, 0, $"n-{id}", silo, UniqueProcessMode.Available, UniqueSeatState.Standby, true, 0, null, null, Settle, Delay, Agreement);

    private static UniqueSeat Runs(string id, long term, string silo = "s1") =>
        Able(id, silo) with { State = UniqueSeatState.Runs, IsAble = false, Term = term, Since = DateTimeOffset.UnixEpoch };

    private static UniqueSeat Consistent(UniqueSeat seat) => seat with { Mode = UniqueProcessMode.Consistent };

    private Roster New(params string[] silos)
    {
        _now = TimeSpan.Zero;
        return new Roster(silos, Lease, _now);
    }

    /// <summary>A roster in which one runs the first term.</summary>
    private Roster Running(string id, string silo = "s1")
    {
        var roster = New();
        Hear(roster, Able(id, silo));
        At(roster, Settle);
        roster.TakeCalls();
        Hear(roster, Runs(id, 1, silo));
        return roster;
    }

    private UniqueSeat Next(UniqueSeat seat) =>
        seat with { Number = _numbers[seat.Id] = _numbers.GetValueOrDefault(seat.Id) + 1 };

    private void Hear(Roster roster, UniqueSeat seat)
    {
        roster.Heard(seat.Number > 0 ? seat : Next(seat), _now);
        roster.Step(_now);
    }

    private void At(Roster roster, TimeSpan now)
    {
        _now = now;
        roster.Step(now);
    }
}
