namespace Presence.Tracker.Tests.Shard;

public sealed class RepairTests
{
    [Fact]
    public void Changes_of_a_node_whose_frames_are_lost_are_requested_from_a_third_node()
    {
        var nodes = Nodes.Named("a", "b", "c");
        nodes["a"].Track("k");
        nodes.Pass(
            TimeSpan.FromSeconds(30),
            lost: (from, to, _) => (from, to) is ("a", "c") or ("c", "a"),
            answers: _ => true);
        Assert.Equal(["k"], nodes["b"].Keys());
        Assert.Equal(["k"], nodes["c"].Keys());
    }
}
