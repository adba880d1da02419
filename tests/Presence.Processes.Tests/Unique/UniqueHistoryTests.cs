namespace Presence.Processes.Tests.Unique;

/// <summary>Histories with one violation each, which must be found, and allowed ones without findings.</summary>
public sealed class UniqueHistoryTests
{
    private static readonly UniqueRules Rules = new() { Lease = Seconds(2), MaxVacant = Seconds(4) };

    private static readonly Dictionary<
        string, (FindingKind? Found, Action<UniqueHistoryTests> Happens)> Cases = new()
        {
            ["A takeover in time is no finding"] = (null, h =>
            {
                h.At(2, at => new NodeEnded(at, "m1", NodeEndReason.Killed));
                h.Begin(5, "m2/1", 2);
                h.Try(5.5, "m1/1", 1, isAccepted: false);
                h.Try(6, "m2/1", 2);
                h.At(7, at => new NodeEnded(at, "m2", NodeEndReason.Stopped));
                h.End(7.5, "m2/1", "Shutdown");
            }
            ),
            ["Two terms with one epoch are found even if the first has ended"] = (FindingKind.TwoHoldersOfAnEpoch, h =>
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
            ["A side effect with an old epoch before the first with the new one is allowed"] = (null, h =>
            {
                h.End(2, "m1/1", "LeaseLost");
                h.Begin(3, "m2/1", 2);
                h.Try(3.2, "m1/1", 1);
                h.Try(3.5, "m2/1", 2);
            }
            ),
            ["A starved node counts as suspended"] = (null, h =>
            {
                h.Begin(5, "m2/1", 2);
                h.End(6, "m1/1", "LeaseLost");
                h.At(4, at => new NodeStarved(at, "m1", Seconds(1)));
            }
            ),
            ["A vacancy that is too long although a node could run is found"] = (FindingKind.NobodyRan, h =>
            {
                h.At(2, at => new NodeEnded(at, "m1", NodeEndReason.Killed));
                h.Begin(6.1, "m2/1", 2);
            }
            ),
            ["A vacancy at the end and one caused by a pause are found"] = (FindingKind.NobodyRan, h =>
            {
                h.At(2, at => new NodePaused(at, "m1"));
                h.At(6.1, at => new NodeStarted(at, "m3"));
            }
            ),
            ["A vacancy while no node could run is no finding"] = (null, h =>
            {
                h.At(2, at => new NodeEnded(at, "m1", NodeEndReason.Killed));
                h.At(3, at => new StoreLost(at, "m2"));
                h.At(13, at => new StoreFound(at, "m2"));
                h.At(15, at => new NodePaused(at, "m2"));
                h.At(25, at => new NodeContinued(at, "m2"));
                h.Begin(28, "m2/1", 2);
            }
            ),
            ["A process that was not ended when its node stopped is found"] = (FindingKind.EndWithoutReason, h =>
            {
                h.At(2, at => new NodeEnded(at, "m1", NodeEndReason.Stopped));
                h.At(2, at => new NodeEnded(at, "m2", NodeEndReason.Stopped));
            }
            ),
            ["A process that ended without a reason is found"] = (
            FindingKind.EndWithoutReason, h => h.End(2, "m1/1", null)),
        };

    public static TheoryData<string> Names => [.. Cases.Keys];

    private readonly List<HistoryEvent> _events = [];

    public UniqueHistoryTests()
    {
        At(0, at => new NodeStarted(at, "m1"));
        At(0, at => new NodeStarted(at, "m2"));
        Begin(1, "m1/1", 1);
        Try(1.5, "m1/1", 1);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void History_yields_its_one_finding_or_none(string history)
    {
        var (found, happens) = Cases[history];
        happens(this);
        Assert.Equal(found is { } kind ? [kind] : [], All().Select(finding => finding.Kind));
    }

    [Fact]
    public void Epoch_below_an_earlier_one_is_found_unless_its_holder_was_suspended_before_it_began()
    {
        Begin(2, "m2/1", 3);
        End(2.1, "m1/1", "LeaseLost");
        End(3, "m2/1", "LeaseLost");
        Begin(5, "m1/2", 2);
        Assert.Equal([FindingKind.EpochNotGrown], HistoryChecker.Check(_events).Select(finding => finding.Kind));
        At(2.5, at => new NodePaused(at, "m1"));
        At(4.9, at => new NodeContinued(at, "m1"));
        Assert.Empty(HistoryChecker.Check(_events));
    }

    [Fact]
    public void Overlapping_terms_are_found_unless_the_first_node_was_suspended_within_the_lease()
    {
        Begin(5, "m2/1", 2);
        End(6, "m1/1", "LeaseLost");
        MustFind(FindingKind.TwoAtOnce);
        At(1.6, at => new NodePaused(at, "m1"));
        At(2.9, at => new NodeContinued(at, "m1"));
        MustFind(FindingKind.TwoAtOnce);
        At(2.95, at => new NodePaused(at, "m1"));
        At(3.1, at => new NodeContinued(at, "m1"));
        MustFindNothing();
    }

    [Fact]
    public void Available_mode_allows_two_holders_during_a_partition_but_not_after_a_pause()
    {
        Begin(5, "m2/1", null);
        End(6, "m1/1", "NameConflict");
        At(4.9, at => new NodePaused(at, "m1"));
        At(5.5, at => new NodeContinued(at, "m1"));
        var available = new UniqueRules { MaxVacant = Seconds(4) };
        Assert.Equal([FindingKind.TwoAtOnce], UniqueChecker.Check(_events, available).Select(finding => finding.Kind));
        Assert.Empty(UniqueChecker.Check(_events, available with { Splits = [new Excuse(Seconds(4), Seconds(6))] }));
    }

    [Fact]
    public void Wait_for_a_takeover_restarts_with_every_fault_and_after_starvation()
    {
        At(2, at => new NodeEnded(at, "m1", NodeEndReason.Killed));
        At(5, at => new NodeStarted(at, "m1"));
        At(8, at => new NodeStarved(at, "m2", Seconds(0.5)));
        Begin(11.9, "m2/1", 2);
        MustFindNothing();
        At(20, at => new NodeEnded(at, "m2", NodeEndReason.Killed));
        Begin(24.1, "m1/2", 3);
        MustFind(FindingKind.NobodyRan);
    }

    [Fact]
    public void Takeover_after_a_store_outage_may_take_longer_if_the_rules_allow_it()
    {
        End(2, "m1/1", "LeaseLost");
        At(2, at => new StoreLost(at, "m1"));
        At(2, at => new StoreLost(at, "m2"));
        At(12, at => new StoreFound(at, "m2"));
        At(12, at => new StoreFound(at, "m1"));
        Begin(19, "m2/1", 2);
        Assert.Contains(FindingKind.NobodyRan, All().Select(finding => finding.Kind));
        Assert.Empty(UniqueChecker.Check(_events, Rules with { MaxVacantAfterOutage = Seconds(10) }));
    }

    private void MustFind(FindingKind kind) => Assert.Equal([kind], All().Select(finding => finding.Kind));

    private void MustFindNothing() => Assert.Empty(All());

    private IEnumerable<Finding> All() => HistoryChecker.Check(_events).Concat(UniqueChecker.Check(_events, Rules));

    private void Begin(double at, string term, long? epoch) =>
        At(at, when => new TermBegan(when, "p", term, term[..2], epoch));

    private void End(double at, string term, string? reason) => At(at, when => new TermEnded(when, "p", term, reason));

    private void Try(double at, string term, long epoch, bool isAccepted = true) =>
        At(at, when => new EffectTried(when, "p", term, epoch, 1, isAccepted));

    private void At(double seconds, Func<TimeSpan, HistoryEvent> make) => _events.Add(make(Seconds(seconds)));

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
