namespace Presence.Processes.Tests.Unique;

/// <summary>Bad histories, one fault each: every one must be found, and what is allowed must not.</summary>
public sealed class What_a_history_of_unique_processes_shows
{
    private static readonly UniqueRules Rules = new() { Lease = Seconds(2), MostVacant = Seconds(4) };

    private static readonly Dictionary<
        string, (FindingKind? Found, Action<What_a_history_of_unique_processes_shows> Happens)> Cases = new()
        {
            ["A take over in time is no finding"] = (null, h =>
            {
                h.At(2, at => new MemberEnded(at, "m1", MemberEnd.Killed));
                h.Begin(5, "m2/1", 2);
                h.Try(5.5, "m1/1", 1, isAccepted: false);
                h.Try(6, "m2/1", 2);
                h.At(7, at => new MemberEnded(at, "m2", MemberEnd.Stopped));
                h.End(7.5, "m2/1", "Shutdown");
            }
            ),
            ["Two terms with one epoch are found whatever became of the first"] = (FindingKind.TwoHoldersOfAnEpoch, h =>
            {
                h.End(2, "m1/1", "LeaseLost");
                h.Begin(3, "m2/1", 1);
            }
            ),
            ["A side effect with an old epoch that was accepted is found"] = (FindingKind.OldEpochAccepted, h =>
            {
                h.End(2, "m1/1", "LeaseLost");
                h.Begin(3, "m2/1", 2);
                h.Try(3.5, "m2/1", 2);
                h.Try(4, "m1/1", 1);
            }
            ),
            ["A side effect with an old epoch before the new one was shown is allowed"] = (null, h =>
            {
                h.End(2, "m1/1", "LeaseLost");
                h.Begin(3, "m2/1", 2);
                h.Try(3.2, "m1/1", 1);
                h.Try(3.5, "m2/1", 2);
            }
            ),
            ["A member that found itself starved had stood still"] = (null, h =>
            {
                h.Begin(5, "m2/1", 2);
                h.End(6, "m1/1", "LeaseLost");
                h.At(4, at => new MemberStarved(at, "m1", Seconds(1)));
            }
            ),
            ["A time in which nobody runs and somebody could is found when it is too long"] = (FindingKind.NobodyRan, h =>
            {
                h.At(2, at => new MemberEnded(at, "m1", MemberEnd.Killed));
                h.Begin(6.1, "m2/1", 2);
            }
            ),
            ["A vacancy is found at the end too and one that a pause makes"] = (FindingKind.NobodyRan, h =>
            {
                h.At(2, at => new MemberPaused(at, "m1"));
                h.At(6.1, at => new MemberStarted(at, "m3"));
            }
            ),
            ["Nobody runs it without a finding while nobody could"] = (null, h =>
            {
                h.At(2, at => new MemberEnded(at, "m1", MemberEnd.Killed));
                h.At(3, at => new StoreLost(at, "m2"));
                h.At(13, at => new StoreFound(at, "m2"));
                h.At(15, at => new MemberPaused(at, "m2"));
                h.At(25, at => new MemberContinued(at, "m2"));
                h.Begin(28, "m2/1", 2);
            }
            ),
            ["A process that was not told when its member stopped is found"] = (FindingKind.EndWithoutReason, h =>
            {
                h.At(2, at => new MemberEnded(at, "m1", MemberEnd.Stopped));
                h.At(2, at => new MemberEnded(at, "m2", MemberEnd.Stopped));
            }
            ),
            ["A process that ended without a reason is found"] = (
            FindingKind.EndWithoutReason, h => h.End(2, "m1/1", null)),
        };

    public static TheoryData<string> Names => [.. Cases.Keys];

    private readonly List<HistoryEvent> _events = [];

    public What_a_history_of_unique_processes_shows()
    {
        At(0, at => new MemberStarted(at, "m1"));
        At(0, at => new MemberStarted(at, "m2"));
        Begin(1, "m1/1", 1);
        Try(1.5, "m1/1", 1);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_history_shows_its_one_fault_or_none(string history)
    {
        var (found, happens) = Cases[history];
        happens(this);
        Assert.Equal(found is { } kind ? [kind] : [], All().Select(finding => finding.Kind));
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
