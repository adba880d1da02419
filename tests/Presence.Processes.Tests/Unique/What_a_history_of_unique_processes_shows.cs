using Presence.Harness.Histories;

namespace Presence.Processes.Tests.Unique;

/// <summary>Bad histories, one fault each: every one must be found, and what is allowed must not.</summary>
public sealed class What_a_history_of_unique_processes_shows
{
    private static readonly UniqueRules Rules = new() { Lease = Seconds(2), MostVacant = Seconds(4) };

    private readonly List<HistoryEvent> _events = [];

    public What_a_history_of_unique_processes_shows()
    {
        At(0, at => new MemberStarted(at, "m1"));
        At(0, at => new MemberStarted(at, "m2"));
        Begin(1, "m1/1", 1);
        Try(1.5, "m1/1", 1);
    }

    [Fact]
    public void A_take_over_in_time_is_no_finding()
    {
        At(2, at => new MemberEnded(at, "m1", MemberEnd.Killed));
        Begin(5, "m2/1", 2);
        Try(5.5, "m1/1", 1, isAccepted: false);
        Try(6, "m2/1", 2);
        At(7, at => new MemberEnded(at, "m2", MemberEnd.Stopped));
        End(7.5, "m2/1", "Shutdown");

        MustFindNothing();
    }

    [Fact]
    public void Two_terms_with_one_epoch_are_found_whatever_became_of_the_first()
    {
        End(2, "m1/1", "LeaseLost");
        Begin(3, "m2/1", 1);

        MustFind(FindingKind.TwoHoldersOfAnEpoch);
    }

    [Fact]
    public void An_epoch_below_an_earlier_one_is_found_unless_its_holder_stood_still_before_it_began()
    {
        Begin(2, "m2/1", 3);
        End(2.1, "m1/1", "LeaseLost");
        End(3, "m2/1", "LeaseLost");
        Begin(5, "m1/2", 2);

        Assert.Equal([FindingKind.EpochNotGrown], HistoryChecker.Check(_events).Select(finding => finding.Kind));
        At(2.5, at => new MemberPaused(at, "m1"));
        At(4.9, at => new MemberContinued(at, "m1"));
        Assert.Empty(HistoryChecker.Check(_events));
    }

    [Fact]
    public void A_side_effect_with_an_old_epoch_that_was_accepted_is_found()
    {
        End(2, "m1/1", "LeaseLost");
        Begin(3, "m2/1", 2);
        Try(3.5, "m2/1", 2);
        Try(4, "m1/1", 1);

        MustFind(FindingKind.OldEpochAccepted);
    }

    [Fact]
    public void A_side_effect_with_an_old_epoch_before_the_new_one_was_shown_is_allowed()
    {
        End(2, "m1/1", "LeaseLost");
        Begin(3, "m2/1", 2);
        Try(3.2, "m1/1", 1);
        Try(3.5, "m2/1", 2);

        MustFindNothing();
    }

    [Fact]
    public void A_term_that_goes_on_while_another_begins_is_found_unless_its_member_stood_still_within_the_lease()
    {
        Begin(5, "m2/1", 2);
        End(6, "m1/1", "LeaseLost");

        MustFind(FindingKind.TwoAtOnce);
        At(1.6, at => new MemberPaused(at, "m1"));
        At(2.9, at => new MemberContinued(at, "m1"));
        MustFind(FindingKind.TwoAtOnce);
        At(2.95, at => new MemberPaused(at, "m1"));
        At(3.1, at => new MemberContinued(at, "m1"));
        MustFindNothing();
    }

    [Fact]
    public void A_member_that_found_itself_starved_had_stood_still()
    {
        Begin(5, "m2/1", 2);
        End(6, "m1/1", "LeaseLost");
        At(4, at => new MemberStarved(at, "m1", Seconds(1)));

        MustFindNothing();
    }

    [Fact]
    public void In_available_mode_two_at_once_are_allowed_during_a_split_and_a_pause_is_no_excuse()
    {
        Begin(5, "m2/1", null);
        End(6, "m1/1", "NameConflict");
        At(4.9, at => new MemberPaused(at, "m1"));
        At(5.5, at => new MemberContinued(at, "m1"));
        var available = new UniqueRules { MostVacant = Seconds(4) };

        Assert.Equal([FindingKind.TwoAtOnce], UniqueChecker.Check(_events, available).Select(finding => finding.Kind));
        Assert.Empty(UniqueChecker.Check(_events, available with { Splits = [new Excuse(Seconds(4), Seconds(6))] }));
    }

    [Fact]
    public void A_time_in_which_nobody_runs_and_somebody_could_is_found_when_it_is_too_long()
    {
        At(2, at => new MemberEnded(at, "m1", MemberEnd.Killed));
        Begin(6.1, "m2/1", 2);

        MustFind(FindingKind.NobodyRan);
    }

    [Fact]
    public void A_vacancy_is_found_at_the_end_too_and_one_that_a_pause_makes()
    {
        At(2, at => new MemberPaused(at, "m1"));
        At(6.1, at => new MemberStarted(at, "m3"));

        MustFind(FindingKind.NobodyRan);
    }

    [Fact]
    public void Nobody_runs_it_without_a_finding_while_nobody_could()
    {
        At(2, at => new MemberEnded(at, "m1", MemberEnd.Killed));
        At(3, at => new StoreLost(at, "m2"));
        At(13, at => new StoreFound(at, "m2"));
        At(15, at => new MemberPaused(at, "m2"));
        At(25, at => new MemberContinued(at, "m2"));
        Begin(28, "m2/1", 2);

        MustFindNothing();
    }

    [Fact]
    public void A_wait_for_a_takeover_begins_anew_with_what_is_done_to_anybody_and_after_starvation()
    {
        At(2, at => new MemberEnded(at, "m1", MemberEnd.Killed));
        At(5, at => new MemberStarted(at, "m1"));
        At(8, at => new MemberStarved(at, "m2", Seconds(0.5)));
        Begin(11.9, "m2/1", 2);

        MustFindNothing();
        At(20, at => new MemberEnded(at, "m2", MemberEnd.Killed));
        Begin(24.1, "m1/2", 3);
        MustFind(FindingKind.NobodyRan);
    }

    [Fact]
    public void After_an_outage_of_the_store_it_may_take_longer_if_the_rules_say_so()
    {
        End(2, "m1/1", "LeaseLost");
        At(2, at => new StoreLost(at, "m1"));
        At(2, at => new StoreLost(at, "m2"));
        At(12, at => new StoreFound(at, "m2"));
        At(12, at => new StoreFound(at, "m1"));
        Begin(19, "m2/1", 2);

        Assert.Contains(FindingKind.NobodyRan, All().Select(finding => finding.Kind));
        Assert.Empty(UniqueChecker.Check(_events, Rules with { MostVacantAfterOutage = Seconds(10) }));
    }

    [Fact]
    public void A_process_that_was_not_told_when_its_member_stopped_is_found()
    {
        At(2, at => new MemberEnded(at, "m1", MemberEnd.Stopped));
        At(2, at => new MemberEnded(at, "m2", MemberEnd.Stopped));

        MustFind(FindingKind.EndWithoutReason);
    }

    [Fact]
    public void A_process_that_ended_without_a_reason_is_found()
    {
        End(2, "m1/1", null);

        MustFind(FindingKind.EndWithoutReason);
    }

    private void MustFind(FindingKind kind) => Assert.Equal([kind], All().Select(finding => finding.Kind));

    private void MustFindNothing() => Assert.Empty(All());

    private IEnumerable<Finding> All() => HistoryChecker.Check(_events).Concat(UniqueChecker.Check(_events, Rules));

    private void Begin(double at, string term, long? epoch) => At(at, when => new TermBegan(when, "p", term, term[..2], epoch));

    private void End(double at, string term, string? reason) => At(at, when => new TermEnded(when, "p", term, reason));

    private void Try(double at, string term, long epoch, bool isAccepted = true) =>
        At(at, when => new EffectTried(when, "p", term, epoch, 1, isAccepted));

    private void At(double seconds, Func<TimeSpan, HistoryEvent> make) => _events.Add(make(Seconds(seconds)));

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
