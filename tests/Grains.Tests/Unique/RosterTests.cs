namespace Presence.Grains.Tests.Unique;

/// <summary>Decisions of an election, in virtual time.</summary>
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
    public void First_reporting_seat_runs_after_every_silo_has_reported_and_the_settle_time()
    {
        _roster = New("s1", "s2");
        Report(Able("a", "s1"));
        Report(Able("b", "s1"));
        At(Settle);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        _roster.OnNoSeat("s2");
        At(Settle);
        Assert.Equal((UniqueVerdictKind.Run, 1), (_roster.VerdictFor("a").Kind, _roster.VerdictFor("a").Term));
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("b").Kind);
        Assert.Equal(["a"], _roster.DequeueCalls().Select(s => s.Id));
    }

    [Fact]
    public void No_seat_runs_before_the_settle_time()
    {
        Report(Able("a"));
        Assert.Equal(Settle, _roster.NextStep);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
    }

    [Fact]
    public void Silo_that_does_not_answer_is_skipped_after_the_agreement_timeout()
    {
        _roster = New("s2");
        Report(Able("a"));
        At(Agreement - TimeSpan.FromMilliseconds(1));
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        Assert.Equal(Agreement, _roster.NextStep);
        At(Agreement);
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("a").Kind);
    }

    [Fact]
    public void Dead_silo_need_not_report()
    {
        _roster = New("s2");
        Report(Able("a"));
        _roster.OnSiloRemoved("s2", _now);
        At(Settle);
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("a").Kind);
    }

    [Fact]
    public void Seat_found_running_continues_and_no_other_starts()
    {
        _roster = New("s2");
        Report(Able("a"));
        Report(Runs("b", 7, "s2"));
        At(Agreement);
        Assert.Equal((UniqueVerdictKind.Run, 7), (_roster.VerdictFor("b").Kind, _roster.VerdictFor("b").Term));
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        Assert.Equal(0, _roster.Grants);
    }

    [Fact]
    public void New_term_is_higher_than_every_reported_term()
    {
        Report(Able("a"));
        Report(Able("b") with { Term = 41 });
        At(Settle);
        Assert.Equal(42, _roster.VerdictFor("a").Term);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Older_of_two_running_terms_stays_whichever_reports_first(bool isOlderFirst)
    {
        Report(isOlderFirst ? Runs("old", 3) : Runs("new", 4));
        Report(isOlderFirst ? Runs("new", 4) : Runs("old", 3));
        var verdict = _roster.VerdictFor("new");
        Assert.Equal(
            (UniqueVerdictKind.Stop, 4, UniqueStopReason.NameConflict), (verdict.Kind, verdict.Term, verdict.Reason));
        Assert.Equal((UniqueVerdictKind.Run, 3), (_roster.VerdictFor("old").Kind, _roster.VerdictFor("old").Term));
        Assert.Equal(1, _roster.Conflicts);
        Assert.Equal(["new"], _roster.DequeueCalls().Select(s => s.Id));
    }

    [Fact]
    public void Seat_without_a_report_for_the_lease_is_replaced_after_the_takeover_delay()
    {
        StartRunning("a");
        _now = Lease - TimeSpan.FromSeconds(1);
        Report(Able("b"));
        At(Settle + Lease);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("b").Kind);
        Assert.Equal(Settle + Lease + Delay, _roster.NextStep);
        At(Settle + Lease + Delay);
        Assert.Equal((UniqueVerdictKind.Run, 2), (_roster.VerdictFor("b").Kind, _roster.VerdictFor("b").Term));
    }

    [Fact]
    public void Seat_of_a_dead_silo_is_replaced_after_the_takeover_delay()
    {
        StartRunning("a", "s1");
        Report(Able("b", "s2"));
        _roster.OnSiloRemoved("s1", _now);
        _roster.Step(_now);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("b").Kind);
        At(_now + Delay);
        Assert.Equal((UniqueVerdictKind.Run, 2), (_roster.VerdictFor("b").Kind, _roster.VerdictFor("b").Term));
    }

    [Fact]
    public void Seat_that_leaves_is_replaced_at_once_and_its_successor_gets_the_handover_state()
    {
        StartRunning("a");
        Report(Able("b"));
        _roster.OnLeft(Next(Able("a") with { IsAble = false, Term = 1 }), [1, 2], _now);
        _roster.Step(_now);
        Assert.True(_roster.AwaitsHolder);
        Assert.Equal([1, 2], _roster.VerdictFor("b").State);
        Assert.Equal(2, _roster.VerdictFor("b").Term);
        Report(Runs("b", 2));
        Assert.False(_roster.AwaitsHolder);
        Assert.Empty(_roster.VerdictFor("b").State);
    }

    [Fact]
    public void Handover_state_is_kept_until_a_seat_can_run_after_its_sender_is_gone()
    {
        StartRunning("a");
        Report(Able("b") with { IsAble = false });
        _roster.OnLeft(Next(Able("a") with { IsAble = false, Term = 1 }), [1, 2], _now);
        _roster.OnLeft(Next(Able("a") with { State = UniqueSeatState.Gone, IsAble = false, Term = 1 }), [], _now);
        Report(Able("b"));
        _roster.Step(_now);
        Assert.Equal([1, 2], _roster.VerdictFor("b").State);
    }

    [Fact]
    public void Handover_state_of_a_seat_that_does_not_run_is_ignored()
    {
        StartRunning("a");
        Report(Runs("b", 2));
        _roster.OnLeft(Next(Able("b") with { IsAble = false, Term = 2 }), [9], _now);
        Report(Able("c"));
        _roster.OnLeft(Next(Able("a") with { IsAble = false, Term = 1 }), [], _now);
        _roster.Step(_now);
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("c").Kind);
        Assert.Empty(_roster.VerdictFor("c").State);
    }

    [Fact]
    public void Seat_whose_term_ended_is_replaced_without_a_leave_call()
    {
        StartRunning("a");
        Report(Able("b"));
        Report(Able("a") with { Term = 1, IsAble = false });
        Assert.Equal((UniqueVerdictKind.Run, 2), (_roster.VerdictFor("b").Kind, _roster.VerdictFor("b").Term));
    }

    [Fact]
    public void Seat_that_does_not_start_gets_the_same_verdict_again_and_is_then_skipped()
    {
        Report(Able("a"));
        Report(Able("b"));
        At(Settle);
        Report(Able("a"));
        Assert.Equal((UniqueVerdictKind.Run, 1), (_roster.VerdictFor("a").Kind, _roster.VerdictFor("a").Term));
        At(Settle + Agreement);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        Assert.Equal((UniqueVerdictKind.Run, 2), (_roster.VerdictFor("b").Kind, _roster.VerdictFor("b").Term));
    }

    [Fact]
    public void Seat_that_is_not_able_is_skipped_at_once()
    {
        Report(Able("a"));
        Report(Able("b"));
        At(Settle);
        Report(Able("a") with { IsAble = false });
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("b").Kind);
    }

    [Fact]
    public void Late_report_with_a_lower_number_is_ignored()
    {
        var late = Next(Runs("a", 5));
        Report(Able("a"));
        Report(late);
        At(Settle);
        Assert.Equal((UniqueVerdictKind.Run, 1), (_roster.VerdictFor("a").Kind, _roster.VerdictFor("a").Term));
        Assert.True(_roster.AwaitsHolder);
    }

    [Fact]
    public void Handover_orders_the_holder_to_stop_until_it_has()
    {
        Assert.False(_roster.HandOver());
        StartRunning("a");
        Report(Able("b"));
        Assert.True(_roster.HandOver());
        Assert.Equal(UniqueStopReason.HandedOver, _roster.VerdictFor("a").Reason);
        Report(Runs("a", 1));
        Assert.Equal((UniqueVerdictKind.Stop, 1), (_roster.VerdictFor("a").Kind, _roster.VerdictFor("a").Term));
        _roster.OnLeft(Next(Able("a") with { IsAble = false, Term = 1 }), [], _now);
        _roster.Step(_now);
        Report(Runs("b", 2));
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("b").Kind);
    }

    [Fact]
    public void Roster_in_consistent_mode_records_the_holder_and_orders_no_start()
    {
        Report(Consistent(Able("a")));
        Report(Consistent(Able("b")));
        At(Agreement);
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        Report(Consistent(Runs("a", 0)) with { Epoch = 4 });
        Report(Consistent(Runs("b", 0)) with { Epoch = 5 });
        Assert.Equal(UniqueVerdictKind.Stay, _roster.VerdictFor("a").Kind);
        Assert.Equal(("n-b", 5), (_roster.Status("job")!.Node, _roster.Status("job")!.Epoch));
        Assert.Equal(0, _roster.Conflicts);
        Assert.True(_roster.HandOver());
        Assert.Equal((UniqueStopReason.HandedOver, 5), (_roster.VerdictFor("b").Reason, _roster.VerdictFor("b").Term));
        Report(Consistent(Able("b")));
        Assert.Null(_roster.Status("job")!.Node);
    }

    [Fact]
    public void Seats_of_two_modes_and_too_many_seats_are_rejected()
    {
        Report(Able("a"));
        Assert.Throws<ArgumentException>(() => Report(Consistent(Able("b"))));
        for (var i = 1; i < Roster.MaxSeats; i++)
        {
            _roster.OnReport(Next(Able($"x{i}")), _now);
        }

        Assert.Throws<PresenceOverloadException>(() => Report(Able("one more")));
        Report(Able("a"));
    }

    [Fact]
    public void Status_lists_holder_and_standbys_without_seats_that_left()
    {
        Assert.Null(_roster.Status("job"));
        StartRunning("a");
        Report(Able("c"));
        Report(Able("b"));
        var status = _roster.Status("job")!;
        Assert.Equal(("job", "n-a", UniqueProcessMode.Available), (status.Name, status.Node, status.Mode));
        Assert.Equal(["n-b", "n-c"], status.Standbys);
        Report(Able("b") with { State = UniqueSeatState.Gone });
        Report(Able("a") with { State = UniqueSeatState.Gone });
        Assert.Equal((null, 0), (_roster.Status("job")!.Node, _roster.Status("job")!.Standbys.Count - 1));
        Assert.Equal(UniqueVerdictKind.Run, _roster.VerdictFor("c").Kind);
    }

    [Fact]
    public void Oldest_silo_has_the_lowest_generation()
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
        id,
        0,
        $"n-{id}",
        silo,
        UniqueProcessMode.Available,
        UniqueSeatState.Standby,
        true,
        0,
        null,
        null,
        Settle,
        Delay,
        Agreement);

    private static UniqueSeat Runs(string id, long term, string silo = "s1") =>
        Able(id, silo) with
        {
            State = UniqueSeatState.Runs,
            IsAble = false,
            Term = term,
            Since = DateTimeOffset.UnixEpoch,
        };

    private static UniqueSeat Consistent(UniqueSeat seat) => seat with { Mode = UniqueProcessMode.Consistent };

    private Roster New(params string[] silos)
    {
        _now = TimeSpan.Zero;
        return new Roster(silos, Lease, _now);
    }

    /// <summary>Creates a roster in which a seat runs the first term.</summary>
    private void StartRunning(string id, string silo = "s1")
    {
        _roster = New();
        Report(Able(id, silo));
        At(Settle);
        _roster.DequeueCalls();
        Report(Runs(id, 1, silo));
    }

    private UniqueSeat Next(UniqueSeat seat) =>
        seat with { Number = _numbers[seat.Id] = _numbers.GetValueOrDefault(seat.Id) + 1 };

    private void Report(UniqueSeat seat)
    {
        _roster.OnReport(seat.Number > 0 ? seat : Next(seat), _now);
        _roster.Step(_now);
    }

    private void At(TimeSpan now)
    {
        _now = now;
        _roster.Step(now);
    }
}
