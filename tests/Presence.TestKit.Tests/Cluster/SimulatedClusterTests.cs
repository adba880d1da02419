using Presence.TestKit.Seam;
using Presence.Tracker.Wire;

namespace Presence.TestKit.Tests.Cluster;

public sealed class SimulatedClusterTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly SimulatedCluster _cluster = new(seed: 1);
    private readonly SimulatedNode _a;
    private readonly SimulatedNode _b;

    public SimulatedClusterTests()
    {
        _a = _cluster.Start("a");
        _b = _cluster.Start("b");
        _cluster.Run(Second);
    }

    [Fact]
    public void Change_is_visible_on_other_nodes_within_a_few_milliseconds()
    {
        _a.Track(_a.OpenSession(), "lobby", "alice");
        Assert.True(_cluster.RunUntil(() => _b.List("lobby").Count == 1, TimeSpan.FromMilliseconds(50)));
    }

    [Fact]
    public void RunUntil_ends_at_the_limit()
    {
        var began = _cluster.Now;
        Assert.False(_cluster.RunUntil(() => false, Second));
        Assert.Equal(began + Second, _cluster.Now);
    }

    [Fact]
    public void Presences_of_a_session_end_with_it()
    {
        var process = _a.OpenSession();
        _a.Track(process, "lobby", "alice");
        _a.Track(process, "room", "alice");
        _a.Track(_a.OpenSession(), "lobby", "bob");
        Assert.Equal(2, _a.EndSession(process));
        _cluster.Settle();
        Assert.Equal(["bob"], _b.List("lobby").Select(entry => entry.Key));
        Assert.Empty(_b.List("room"));
        Assert.DoesNotContain(process, _a.Processes);
    }

    [Fact]
    public void Paused_node_handles_no_input_until_it_resumes()
    {
        _b.Pause();
        _a.Track(_a.OpenSession(), "lobby", "alice");
        _cluster.Run(TimeSpan.FromMilliseconds(100));
        Assert.Empty(_b.List("lobby"));
        _b.Resume();
        Assert.Single(_b.List("lobby"));
    }

    [Fact]
    public void Crash_ends_the_presences_of_the_node_after_the_down_period_and_not_before()
    {
        _a.Track(_a.OpenSession(), "lobby", "alice");
        _cluster.Run(Second);
        _a.Crash();
        _cluster.Run(TimeSpan.FromMilliseconds(500));
        Assert.Single(_b.List("lobby"));
        _cluster.Run(Second);
        Assert.Empty(_b.List("lobby"));
    }

    [Fact]
    public void Leave_ends_the_presences_of_the_node_at_once()
    {
        _a.Track(_a.OpenSession(), "lobby", "alice");
        _cluster.Run(Second);
        _a.Leave();
        Assert.True(_cluster.RunUntil(() => _a.State == SimulatedNodeState.Stopped, TimeSpan.FromMilliseconds(50)));
        Assert.Empty(_b.List("lobby"));
    }

    [Fact]
    public void Leave_without_acknowledgement_ends_after_its_timeout()
    {
        _cluster.Network.Cut("a", "b");
        _a.Leave();
        Assert.False(_cluster.RunUntil(() => _a.State == SimulatedNodeState.Stopped, TimeSpan.FromMilliseconds(900)));
        Assert.True(_cluster.RunUntil(() => _a.State == SimulatedNodeState.Stopped, TimeSpan.FromMilliseconds(200)));
    }

    [Fact]
    public void Node_can_restart_after_a_crash_even_if_its_clock_went_back()
    {
        _a.Track(_a.OpenSession(), "lobby", "old");
        _cluster.Run(Second);
        _a.Crash();
        _cluster.StepWallClock("a", -TimeSpan.FromMinutes(5));
        var again = _cluster.Start("a");
        again.Track(again.OpenSession(), "lobby", "new");
        _cluster.Settle();
        Assert.Equal(["new"], _b.List("lobby").Select(entry => entry.Key));
        Assert.True(again.Self.Incarnation > _a.Self.Incarnation);
    }

    [Fact]
    public void Living_node_cannot_start_twice()
    {
        Assert.Throws<InvalidOperationException>(() => _cluster.Start("a"));
        Assert.Same(_a, _cluster["a"]);
        Assert.Throws<KeyNotFoundException>(() => _cluster["nobody"]);
    }

    [Fact]
    public void Calls_to_a_node_that_does_not_run_are_rejected()
    {
        _a.Crash();
        Assert.Throws<InvalidOperationException>(() => _a.OpenSession());
        Assert.Throws<InvalidOperationException>(() => _a.Track(1, "lobby", "alice"));
        Assert.Throws<InvalidOperationException>(_a.Crash);
        Assert.Throws<InvalidOperationException>(_a.Pause);
        Assert.Throws<InvalidOperationException>(_a.Leave);
    }

    [Fact]
    public void Rejections_of_the_tracker_reach_the_caller()
    {
        var process = _a.OpenSession();
        _a.Track(process, "lobby", "alice");
        Assert.Throws<AlreadyTrackedException>(() => _a.Track(process, "lobby", "alice"));
        Assert.Throws<NotTrackedException>(() => _a.Update(process, "lobby", "bob", PresenceMeta.Empty));
        Assert.Throws<ArithmeticException>(
            () => _a.Update(process, "lobby", "alice", _ => throw new ArithmeticException()));
        Assert.False(_a.Untrack(process, "lobby", "bob"));
        _cluster.Settle();
    }

    [Fact]
    public void Defect_fails_the_run_with_the_seed_in_the_message()
    {
        var cluster = new SimulatedCluster(99, new SimulatedClusterOptions { Seam = () => new DeafSeam() });
        var a = cluster.Start("a");
        cluster.Start("b");
        a.Track(a.OpenSession(), "lobby", "alice");
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
