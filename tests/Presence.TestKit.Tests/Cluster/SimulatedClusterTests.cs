namespace Presence.TestKit.Tests.Cluster;

public sealed class SimulatedClusterTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly SimulatedCluster _cluster = new(seed: 1);
    private readonly SimulatedMember _a;
    private readonly SimulatedMember _b;

    public SimulatedClusterTests()
    {
        _a = _cluster.Start("a");
        _b = _cluster.Start("b");
        _cluster.Run(Second);
    }

    [Fact]
    public void A_change_is_seen_by_the_others_within_a_few_milliseconds()
    {
        _a.Track(_a.StartProcess(), "lobby", "alice");
        Assert.True(_cluster.RunUntil(() => _b.List("lobby").Count == 1, TimeSpan.FromMilliseconds(50)));
    }

    [Fact]
    public void Running_until_something_that_never_happens_ends_at_the_limit()
    {
        var began = _cluster.Now;
        Assert.False(_cluster.RunUntil(() => false, Second));
        Assert.Equal(began + Second, _cluster.Now);
    }

    [Fact]
    public void A_process_that_ends_takes_its_presences_with_it()
    {
        var process = _a.StartProcess();
        _a.Track(process, "lobby", "alice");
        _a.Track(process, "room", "alice");
        _a.Track(_a.StartProcess(), "lobby", "bob");
        Assert.Equal(2, _a.EndProcess(process));
        _cluster.Settle();
        Assert.Equal(["bob"], _b.List("lobby").Select(entry => entry.Key));
        Assert.Empty(_b.List("room"));
        Assert.DoesNotContain(process, _a.Processes);
    }

    [Fact]
    public void A_paused_member_takes_nothing_in_until_it_wakes()
    {
        _b.Pause();
        _a.Track(_a.StartProcess(), "lobby", "alice");
        _cluster.Run(TimeSpan.FromMilliseconds(100));
        Assert.Empty(_b.List("lobby"));
        _b.Resume();
        Assert.Single(_b.List("lobby"));
    }

    [Fact]
    public void A_crash_takes_the_presences_of_the_member_after_the_down_period_and_not_before()
    {
        _a.Track(_a.StartProcess(), "lobby", "alice");
        _cluster.Run(Second);
        _a.Crash();
        _cluster.Run(TimeSpan.FromMilliseconds(500));
        Assert.Single(_b.List("lobby"));
        _cluster.Run(Second);
        Assert.Empty(_b.List("lobby"));
    }

    [Fact]
    public void A_farewell_takes_the_presences_of_the_member_at_once()
    {
        _a.Track(_a.StartProcess(), "lobby", "alice");
        _cluster.Run(Second);
        _a.Leave();
        Assert.True(_cluster.RunUntil(() => _a.State == MemberState.Stopped, TimeSpan.FromMilliseconds(50)));
        Assert.Empty(_b.List("lobby"));
    }

    [Fact]
    public void A_farewell_that_cannot_be_delivered_ends_after_its_time()
    {
        _cluster.Network.Cut("a", "b");
        _a.Leave();
        Assert.False(_cluster.RunUntil(() => _a.State == MemberState.Stopped, TimeSpan.FromMilliseconds(900)));
        Assert.True(_cluster.RunUntil(() => _a.State == MemberState.Stopped, TimeSpan.FromMilliseconds(200)));
    }

    [Fact]
    public void A_name_can_start_again_after_a_crash_even_with_a_clock_that_stepped_back()
    {
        _a.Track(_a.StartProcess(), "lobby", "old");
        _cluster.Run(Second);
        _a.Crash();
        _cluster.StepWallClock("a", -TimeSpan.FromMinutes(5));
        var again = _cluster.Start("a");
        again.Track(again.StartProcess(), "lobby", "new");
        _cluster.Settle();
        Assert.Equal(["new"], _b.List("lobby").Select(entry => entry.Key));
        Assert.True(again.Self.Incarnation > _a.Self.Incarnation);
    }

    [Fact]
    public void A_member_that_lives_cannot_start_twice()
    {
        Assert.Throws<InvalidOperationException>(() => _cluster.Start("a"));
        Assert.Same(_a, _cluster["a"]);
        Assert.Throws<KeyNotFoundException>(() => _cluster["nobody"]);
    }

    [Fact]
    public void Calls_at_a_member_that_does_not_run_are_refused()
    {
        _a.Crash();
        Assert.Throws<InvalidOperationException>(() => _a.StartProcess());
        Assert.Throws<InvalidOperationException>(() => _a.Track(1, "lobby", "alice"));
        Assert.Throws<InvalidOperationException>(_a.Crash);
        Assert.Throws<InvalidOperationException>(_a.Pause);
        Assert.Throws<InvalidOperationException>(_a.Leave);
    }

    [Fact]
    public void Refusals_of_the_tracker_reach_the_caller()
    {
        var process = _a.StartProcess();
        _a.Track(process, "lobby", "alice");
        Assert.Throws<AlreadyTrackedException>(() => _a.Track(process, "lobby", "alice"));
        Assert.Throws<NotTrackedException>(() => _a.Update(process, "lobby", "bob", PresenceMeta.Empty));
        Assert.Throws<ArithmeticException>(
            () => _a.Update(process, "lobby", "alice", _ => throw new ArithmeticException()));
        Assert.False(_a.Untrack(process, "lobby", "bob"));
        _cluster.Settle();
    }

    [Fact]
    public void A_defect_breaks_the_run_with_the_seed_in_the_message()
    {
        var cluster = new SimulatedCluster(99, new SimulatedClusterOptions { Seam = () => new DeafSeam() });
        var a = cluster.Start("a");
        cluster.Start("b");
        a.Track(a.StartProcess(), "lobby", "alice");
        var violated = Assert.Throws<SimulationViolatedException>(cluster.Settle);
        Assert.Equal(99UL, violated.Seed);
        Assert.Contains("Seed 99", violated.Message, StringComparison.Ordinal);
        Assert.NotEmpty(violated.Violations);
    }

    private sealed class DeafSeam : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => null;
    }
}
