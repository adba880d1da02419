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
    private Roster _roster;

    public RosterTests() => _roster = New();

    [Fact]
    public void The_first_that_attended_runs_it_once_every_silo_was_asked_and_it_has_settled()
    {
        _roster = New("s1", "s2");
        Hear(Able("a", "s1"));
        Hear(Able("b", "s1"));
        At(Settle);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        _roster.Asked("s2");
        At(Settle);
        Assert.Equal((UniqueVerdictKind.Run, 1), (_roster.VerdictFor("a").Kind, _roster.VerdictFor("a").Term));
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("b").Kind);
        Assert.Equal(["a"], _roster.TakeCalls().Select(s => s.Id));
    }

    [Fact]
    public void Nobody_runs_it_before_it_has_settled()
    {
        Hear(Able("a"));
        Assert.Equal(Settle, _roster.NextStep);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
    }

    [Fact]
    public void A_silo_that_does_not_answer_is_given_up_after_the_agreement_timeout()
    {
        _roster = New("s2");
        Hear(Able("a"));
        At(Agreement - TimeSpan.FromMilliseconds(1));
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        Assert.Equal(Agreement, _roster.NextStep);
        At(Agreement);
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("a").Kind);
    }

    [Fact]
    public void A_silo_that_is_over_need_not_be_asked()
    {
        _roster = New("s2");
        Hear(Able("a"));
        _roster.SiloGone("s2", _now);
        At(Settle);
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("a").Kind);
    }

    [Fact]
    public void One_that_was_found_running_goes_on_and_nobody_else_starts()
    {
        _roster = New("s2");
        Hear(Able("a"));
        Hear(Runs("b", 7, "s2"));
        At(Agreement);
        Assert.Equal((UniqueVerdictKind.Run, 7), (_roster.VerdictFor("b").Kind, _roster.VerdictFor("b").Term));
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        Assert.Equal(0, _roster.Grants);
    }

    [Fact]
    public void A_term_is_above_all_that_anybody_has_heard_of()
    {
        Hear(Able("a"));
        Hear(Able("b") with { Term = 41 });
        At(Settle);
        Assert.Equal(42, _roster.VerdictFor("a").Term);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Of_two_that_run_the_older_term_stays_whichever_is_heard_first(bool isOlderFirst)
    {
        Hear(isOlderFirst ? Runs("old", 3) : Runs("new", 4));
        Hear(isOlderFirst ? Runs("new", 4) : Runs("old", 3));
        var verdict = _roster.VerdictFor("new");
        Assert.Equal((UniqueVerdictKind.Stop, 4, UniqueStopReason.NameConflict), (verdict.Kind, verdict.Term, verdict.Reason));
        Assert.Equal((UniqueVerdictKind.Run, 3), (_roster.VerdictFor("old").Kind, _roster.VerdictFor("old").Term));
        Assert.Equal(1, _roster.Conflicts);
        Assert.Equal(["new"], _roster.TakeCalls().Select(s => s.Id));
    }

    [Fact]
    public void One_that_was_not_heard_for_the_lease_is_replaced_after_the_takeover_delay()
    {
        StartRunning("a");
        _now = Lease - TimeSpan.FromSeconds(1);
        Hear(Able("b"));
        At(Settle + Lease);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("b").Kind);
        Assert.Equal(Settle + Lease + Delay, _roster.NextStep);
        At(Settle + Lease + Delay);
        Assert.Equal((UniqueVerdictKind.Run, 2), (_roster.VerdictFor("b").Kind, _roster.VerdictFor("b").Term));
    }

    [Fact]
    public void One_whose_silo_is_over_is_replaced_after_the_takeover_delay()
    {
        StartRunning("a", "s1");
        Hear(Able("b", "s2"));
        _roster.SiloGone("s1", _now);
        _roster.Step(_now);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("b").Kind);
        At(_now + Delay);
        Assert.Equal((UniqueVerdictKind.Run, 2), (_roster.VerdictFor("b").Kind, _roster.VerdictFor("b").Term));
    }

    [Fact]
    public void One_that_leaves_is_replaced_at_once_by_one_that_gets_what_it_left_until_it_runs()
    {
        StartRunning("a");
        Hear(Able("b"));
        _roster.Left(Next(Able("a") with { IsAble = false, Term = 1 }), [1, 2], _now);
        _roster.Step(_now);
        Assert.True(_roster.AwaitsHolder);
        Assert.Equal([1, 2], _roster.VerdictFor("b").State);
        Assert.Equal(2, _roster.VerdictFor("b").Term);
        Hear(Runs("b", 2));
        Assert.False(_roster.AwaitsHolder);
        Assert.Empty(_roster.VerdictFor("b").State);
    }

    [Fact]
    public void What_one_leaves_that_does_not_run_it_is_nobodys()
    {
        StartRunning("a");
        Hear(Runs("b", 2));
        _roster.Left(Next(Able("b") with { IsAble = false, Term = 2 }), [9], _now);
        Hear(Able("c"));
        _roster.Left(Next(Able("a") with { IsAble = false, Term = 1 }), [], _now);
        _roster.Step(_now);
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("c").Kind);
        Assert.Empty(_roster.VerdictFor("c").State);
    }

    [Fact]
    public void One_that_has_ended_is_replaced_though_nobody_heard_it_leave()
    {
        StartRunning("a");
        Hear(Able("b"));
        Hear(Able("a") with { Term = 1, IsAble = false });
        Assert.Equal((UniqueVerdictKind.Run, 2), (_roster.VerdictFor("b").Kind, _roster.VerdictFor("b").Term));
    }

    [Fact]
    public void One_that_was_told_to_run_and_says_nothing_is_told_again_and_then_passed_over()
    {
        Hear(Able("a"));
        Hear(Able("b"));
        At(Settle);
        Hear(Able("a"));
        Assert.Equal((UniqueVerdictKind.Run, 1), (_roster.VerdictFor("a").Kind, _roster.VerdictFor("a").Term));
        At(Settle + Agreement);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        Assert.Equal((UniqueVerdictKind.Run, 2), (_roster.VerdictFor("b").Kind, _roster.VerdictFor("b").Term));
    }

    [Fact]
    public void One_that_does_not_want_to_run_is_passed_over_at_once()
    {
        Hear(Able("a"));
        Hear(Able("b"));
        At(Settle);
        Hear(Able("a") with { IsAble = false });
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("b").Kind);
    }

    [Fact]
    public void What_a_seat_said_before_is_void_when_it_comes_late()
    {
        var late = Next(Runs("a", 5));
        Hear(Able("a"));
        Hear(late);
        At(Settle);
        Assert.Equal((UniqueVerdictKind.Run, 1), (_roster.VerdictFor("a").Kind, _roster.VerdictFor("a").Term));
        Assert.True(_roster.AwaitsHolder);
    }

    [Fact]
    public void A_hand_over_tells_the_one_that_runs_it_to_stop_until_it_has()
    {
        Assert.False(_roster.HandOver());
        StartRunning("a");
        Hear(Able("b"));
        Assert.True(_roster.HandOver());
        Assert.Equal(UniqueStopReason.HandedOver, _roster.VerdictFor("a").Reason);
        Hear(Runs("a", 1));
        Assert.Equal((UniqueVerdictKind.Stop, 1), (_roster.VerdictFor("a").Kind, _roster.VerdictFor("a").Term));
        _roster.Left(Next(Able("a") with { IsAble = false, Term = 1 }), [], _now);
        _roster.Step(_now);
        Hear(Runs("b", 2));
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("b").Kind);
    }

    [Fact]
    public void In_consistent_mode_it_knows_who_runs_it_and_tells_nobody_to()
    {
        Hear(Consistent(Able("a")));
        Hear(Consistent(Able("b")));
        At(Agreement);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        Hear(Consistent(Runs("a", 0)) with { Epoch = 4 });
        Hear(Consistent(Runs("b", 0)) with { Epoch = 5 });
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        Assert.Equal(("n-b", 5), (_roster.Status("job")!.Node, _roster.Status("job")!.Epoch));
        Assert.Equal(0, _roster.Conflicts);
        Assert.True(_roster.HandOver());
        Assert.Equal((UniqueStopReason.HandedOver, 5), (_roster.VerdictFor("b").Reason, _roster.VerdictFor("b").Term));
        Hear(Consistent(Able("b")));
        Assert.Null(_roster.Status("job")!.Node);
    }

    [Fact]
    public void Seats_of_two_modes_and_too_many_seats_are_refused()
    {
        Hear(Able("a"));
        Assert.Throws<ArgumentException>(() => Hear(Consistent(Able("b"))));
        for (var i = 1; i < Roster.MaxSeats; i++)
        {
            _roster.Heard(Next(Able($"x{i}")), _now);
        }

        Assert.Throws<PresenceOverloadException>(() => Hear(Able("one more")));
        Hear(Able("a"));
    }

    [Fact]
    public void The_status_names_who_runs_it_and_who_stands_by_and_forgets_who_has_gone()
    {
        Assert.Null(_roster.Status("job"));
        StartRunning("a");
        Hear(Able("c"));
        Hear(Able("b"));
        var status = _roster.Status("job")!;
        Assert.Equal(("job", "n-a", UniqueProcessMode.Available), (status.Name, status.Node, status.Mode));
        Assert.Equal(["n-b", "n-c"], status.Standbys);
        Hear(Able("b") with { State = UniqueSeatState.Gone });
        Hear(Able("a") with { State = UniqueSeatState.Gone });
        Assert.Equal((null, 0), (_roster.Status("job")!.Node, _roster.Status("job")!.Standbys.Count - 1));
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("c").Kind);
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

    /// <summary>Begins with a roster in which one runs the first term.</summary>
    private void StartRunning(string id, string silo = "s1")
    {
        _roster = New();
        Hear(Able(id, silo));
        At(Settle);
        _roster.TakeCalls();
        Hear(Runs(id, 1, silo));
    }

    private UniqueSeat Next(UniqueSeat seat) =>
        seat with { Number = _numbers[seat.Id] = _numbers.GetValueOrDefault(seat.Id) + 1 };

    private void Hear(UniqueSeat seat)
    {
        _roster.Heard(seat.Number > 0 ? seat : Next(seat), _now);
        _roster.Step(_now);
    }

    private void At(TimeSpan now)
    {
        _now = now;
        _roster.Step(now);
    }
}
