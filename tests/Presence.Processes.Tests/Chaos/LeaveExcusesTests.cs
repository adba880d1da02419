using Presence.Tracker;

namespace Presence.Processes.Tests.Chaos;

/// <summary>Tests of <see cref="LeaveExcuses"/>.</summary>
public sealed class LeaveExcusesTests
{
    private static readonly TimeSpan From = TimeSpan.FromSeconds(100);
    private static readonly TimeSpan Until = TimeSpan.FromSeconds(110);

    [Theory]
    [InlineData("node-1", LeaveReason.NodeDown, true)]
    [InlineData("node-1", LeaveReason.NodeStopped, true)]
    [InlineData("node-1", LeaveReason.SessionEnded, true)]
    [InlineData("node-1", LeaveReason.Replaced, true)]
    [InlineData("node-1", LeaveReason.Unknown, true)]
    [InlineData("node-1", LeaveReason.LeaseExpired, false)]
    [InlineData("node-1", LeaveReason.Untracked, false)]
    [InlineData("node-1", LeaveReason.Evicted, false)]
    [InlineData("node-2", LeaveReason.NodeDown, false)]
    [InlineData("node-2", LeaveReason.NodeStopped, false)]
    [InlineData("node-2", LeaveReason.SessionEnded, false)]
    [InlineData("node-2", LeaveReason.Replaced, false)]
    [InlineData("node-2", LeaveReason.Unknown, false)]
    public void Loss_of_a_node_explains_the_leaves_of_its_own_presences(string owner, LeaveReason reason, bool explains)
    {
        var excuses = new LeaveExcuses();
        excuses.Lost("node-1", From, Until);
        Assert.Equal(explains, excuses.Explain(owner, reason, Until));
    }

    [Theory]
    [InlineData("node-1", "node-2", LeaveReason.NodeDown, true)]
    [InlineData("node-1", "node-2", LeaveReason.LeaseExpired, true)]
    [InlineData("node-1", "node-1", LeaveReason.SessionEnded, true)]
    [InlineData("node-1", "node-2", LeaveReason.SessionEnded, false)]
    [InlineData("node-1", "node-2", LeaveReason.NodeStopped, false)]
    [InlineData("node-1", "node-2", LeaveReason.Unknown, false)]
    [InlineData(null, "node-2", LeaveReason.LeaseExpired, true)]
    [InlineData(null, "node-2", LeaveReason.NodeDown, false)]
    public void Cut_links_explain_that_the_node_sees_the_others_as_down(
        string? cut, string owner, LeaveReason reason, bool explains)
    {
        var excuses = new LeaveExcuses();
        excuses.Cut(cut, From, Until);
        Assert.Equal(explains, excuses.Explain(owner, reason, Until));
    }

    [Theory]
    [InlineData(99, false)]
    [InlineData(100, true)]
    [InlineData(140, true)]
    [InlineData(141, false)]
    public void Loss_explains_leaves_until_it_is_known_everywhere(double at, bool explains)
    {
        var excuses = new LeaveExcuses();
        excuses.Lost("node-1", From, Until);
        Assert.Equal(explains, excuses.Explain("node-1", LeaveReason.NodeDown, TimeSpan.FromSeconds(at)));
    }
}
