using Presence.Tracker.Sessions;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Shard;

/// <summary>What a third node shows of a resumable session whose node is lost and which another node resumes.</summary>
public sealed class SessionSuccessionTests
{
    private const ulong Process = 2;

    private static readonly SessionStamp Stamp = new(new(1, 2), new(0, 0), TimeSpan.FromMinutes(1));

    private readonly Nodes _nodes = Nodes.Named("a", "b", "c");

    [Fact]
    public void Session_that_is_resumed_and_ended_within_one_delta_leaves_at_once()
    {
        Track("a", Stamp);
        _nodes.Settle();
        LoseFirstOwner();

        // The first change of an idle shard is sent at once; the later ones share a delta.
        _nodes["b"].Track("other");
        _nodes.Deliver();
        Track("b", Stamp with { Generation = new(1, 0) });
        _nodes["b"].End(Process);
        Assert.Empty(_nodes.InFlight);
        Assert.Equal(["k", "other"], _nodes["c"].Keys());
        FlushSecondOwner();
        Assert.Equal(["other"], _nodes["c"].Keys());
        Assert.Equal(LeaveReason.SessionEnded, _nodes["c"].Changes[^1].Reason);
    }

    [Fact]
    public void Session_that_a_hidden_node_resumed_and_ended_leaves_at_once()
    {
        Track("a", Stamp);
        _nodes.Settle();
        _nodes.Pass(TimeSpan.FromSeconds(30), lost: (from, _, _) => from == "b", answers: to => to != "b");
        Assert.False(Assert.Single(_nodes["c"].Shard.Peers(), p => p.Replica.Node == "b").IsUp);
        LoseFirstOwner();
        Track("b", Stamp with { Generation = new(1, 0) });
        _nodes.DeliverTo("c", _nodes.Take<DeltaFrame>("c"));
        Assert.Equal(["k"], _nodes["c"].Keys());
        _nodes["b"].End(Process);
        FlushSecondOwner();
        Assert.Empty(_nodes["c"].Keys());
        Assert.Equal(LeaveReason.SessionEnded, _nodes["c"].Changes[^1].Reason);
    }

    [Fact]
    public void Ended_session_is_removed_from_the_index_of_its_node()
    {
        Track("a", Stamp);
        Assert.Equal(1, _nodes["a"].Shard.Measure().Sessions);
        _nodes["a"].End(Process);
        Assert.Equal(0, _nodes["a"].Shard.Measure().Sessions);
    }

    private void Track(string node, SessionStamp stamp) =>
        _nodes[node].Do((shard, now, fx) => shard.Track(now, Process, "t", "k", PresenceMeta.Empty, fx, stamp));

    /// <summary>Ends node a; the others hold the leave of its session for the grace.</summary>
    private void LoseFirstOwner()
    {
        _nodes.Crash("a");
        foreach (var node in new[] { "b", "c" })
        {
            _nodes[node].Do((shard, now, fx) => shard.NodeGone(now, "a", 1, fx));
        }

        Assert.Equal(["k"], _nodes["c"].Keys());
    }

    private void FlushSecondOwner()
    {
        _nodes["b"].Do((shard, now, fx) => shard.Flush(now, fx));
        _nodes.DeliverTo("c", Assert.Single(_nodes.Take<DeltaFrame>("c")));
    }
}
