using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Shard;

public sealed class NameConflictTests
{
    [Fact]
    public void Older_of_two_living_nodes_with_one_name_stops()
    {
        var (first, second) = (new Nodes(), new Nodes());
        var older = first.Add("a", incarnation: 1, seed: 1);
        var newer = second.Add("a", incarnation: 2, seed: 2);
        newer.Do((shard, now, fx) =>
            shard.Receive(now, new HeartbeatFrame(new Sender(older.Shard.Self, 1, 1, 1, 0), []), fx));
        first.DeliverTo("a", second.Take<HeartbeatFrame>(to: "a"));
        Assert.True(older.Saw(ReplicaEventKind.NameConflict));
        Assert.False(newer.Saw(ReplicaEventKind.NameConflict));
        Assert.False(newer.Saw(ReplicaEventKind.Restarted));
    }

    [Fact]
    public void Older_of_two_living_nodes_with_one_name_stops_even_with_the_higher_incarnation()
    {
        var (first, second) = (new Nodes(), new Nodes());
        var older = first.Add("a", incarnation: 1, seed: 1);
        first.DeliverTo("a", new StaleIncarnationFrame(
            new Sender(new ReplicaId("b", 1), 1, 9, 1, 0), new ReplicaId("a", 50)));
        var newer = second.Add("a", incarnation: 2, seed: 2);
        for (var round = 0; round < 3; round++)
        {
            Receive(second, older, started: 1);
            Receive(first, newer, started: 2);
            second.DeliverTo("a", first.Take<HeartbeatFrame>(to: "a"));
            first.DeliverTo("a", second.Take<HeartbeatFrame>(to: "a"));
        }

        Assert.True(older.Saw(ReplicaEventKind.NameConflict));
        Assert.False(newer.Saw(ReplicaEventKind.NameConflict));
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 1)]
    [InlineData(ulong.MaxValue - (1 << 20))]
    [InlineData(1UL << 63)]
    public void Incarnation_that_no_clock_gives_neither_restarts_nor_stops_a_node(ulong incarnation)
    {
        var nodes = Nodes.WithPresence();
        var (self, absurd) = (nodes["a"].Shard.Self, new ReplicaId("a", incarnation));
        var other = new Sender(new ReplicaId("b", 1), 1, 1000 + 'b', 1, 0);
        nodes.DeliverTo("a", new HeartbeatFrame(new Sender(absurd, 0, 0, 1, 0), []));
        nodes.DeliverTo("a", new HeartbeatFrame(new Sender(absurd, ulong.MaxValue, 7, 1, 0), []));
        nodes.DeliverTo("a", new HeartbeatFrame(other, [new Clock(absurd, 1, 1)]));
        nodes.DeliverTo("a", new StaleIncarnationFrame(other, absurd));
        nodes.DeliverTo("b", new HeartbeatFrame(new Sender(absurd, 0, 0, 1, 0), []));
        nodes.Settle();
        Assert.Equal(self, nodes["a"].Shard.Self);
        Assert.Equal(["k"], nodes["b"].Keys());
        Assert.False(nodes["a"].Saw(ReplicaEventKind.NameConflict));
    }

    private static void Receive(Nodes where, NodeHost sender, ulong started) =>
        where.DeliverTo("a", new HeartbeatFrame(new Sender(sender.Shard.Self, started, started, 1, 0), []));

    [Fact]
    public void Node_whose_name_was_taken_stops_without_leaves_or_joins_of_the_other()
    {
        var nodes = Nodes.WithPresence("old");
        var old = nodes.Crash("a");
        var young = nodes.Add("a", incarnation: 2);
        young.Track("young");
        nodes.Settle();
        foreach (var node in new[] { young, nodes["b"] })
        {
            node.Changes.Clear();
        }

        // The old one is reachable again: it sends b a heartbeat, and both get the frames to its name.
        old.Do((shard, now, fx) => shard.NodeJoined(now, "b", fx));
        while (nodes.InFlight.Count > 0)
        {
            var (_, to, frame) = nodes.InFlight[0];
            nodes.InFlight.RemoveAt(0);
            nodes.DeliverTo(to, frame);
            if (to == "a" && !old.Saw(ReplicaEventKind.NameConflict))
            {
                old.Do((shard, now, fx) => shard.Receive(now, frame, fx));
            }
        }

        Assert.True(old.Saw(ReplicaEventKind.NameConflict));
        nodes.Settle();
        Assert.Empty(young.Changes);
        Assert.Empty(nodes["b"].Changes);
        Assert.Equal(["young"], nodes["b"].Keys());
    }
}
