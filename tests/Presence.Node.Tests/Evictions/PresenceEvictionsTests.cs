using Presence.Node.Evictions;
using Presence.Node.Trackers;
using Presence.Tracker.Wire;

namespace Presence.Node.Tests.Evictions;

public sealed class PresenceEvictionsTests
{
    [Fact]
    public async Task Key_is_evicted_from_a_topic_on_all_nodes_once_with_the_reason()
    {
        await using var cluster = await TestCluster.OfAsync(3);
        await TestCluster.UntilNodesAsync(cluster, 3);
        var sessions = Enumerable.Range(0, 3).Select(n => cluster[n].OpenSession()).ToArray();
        for (var node = 0; node < 3; node++)
        {
            await cluster.Tracker(node).TrackAsync(sessions[node], "t", "ann");
            await cluster.Tracker(node).TrackAsync(sessions[node], "other", "ann");
        }

        await cluster.Tracker(2).TrackAsync(sessions[2], "t", "bob");
        var observer = cluster.Tracker(1);
        await TestCluster.UntilAsync(observer, () => observer.Count("t") == 4, "node 1 lists all");
        await TestCluster.UntilAsync(
            cluster.Tracker(0), () => cluster.Tracker(0).Count("t") == 4, "node 0 lists all");
        var left = new Awaited<PresenceChange>();
        using var subscription = observer.Subscribe("t", diff => diff.Changes.ToList().ForEach(left.Add));

        Assert.Equal(3, await cluster.Tracker(0).EvictAsync("t", "ann"));
        Assert.Equal(["bob"], cluster.Tracker(0).List("t").Select(e => e.Key));
        await left.CountAsync(3);
        Assert.All(left.All, change => Assert.Equal(
            ("ann", PresenceChangeKind.Left, LeaveReason.Evicted), (change.Entry.Key, change.Kind, change.Reason)));
        Assert.Equal(3, cluster.Tracker(0).Count("other"));
        Assert.Equal(0, await cluster.Tracker(0).EvictAsync("t", "ann"));
    }

    [Fact]
    public async Task Key_is_evicted_from_all_topics_and_its_sessions_can_track_again()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var session = cluster[1].OpenSession();
        await cluster.Tracker(1).TrackAsync(session, "a", "ann");
        await cluster.Tracker(1).TrackAsync(session, "b", "ann");
        var tracker = cluster.Tracker(0);
        await TestCluster.UntilAsync(tracker, () => tracker.TopicsOf("ann").Count == 2, "node 0 lists both");
        Assert.True(tracker.IsOnline("ann"));
        Assert.Equal(2, await tracker.EvictKeyAsync("ann"));
        Assert.False(tracker.IsOnline("ann"));
        await cluster.Tracker(1).TrackAsync(session, "a", "ann");
        await TestCluster.UntilAsync(tracker, () => tracker.IsOnline("ann"), "node 0 lists the new presence");
    }

    [Fact]
    public async Task Detached_session_loses_an_evicted_presence_at_once()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var session = cluster[1].OpenSession(new PresenceSessionOptions { Grace = TimeSpan.FromHours(1) });
        await cluster.Tracker(1).TrackAsync(session, "a", "ann");
        session.Detach();
        var tracker = cluster.Tracker(0);
        await TestCluster.UntilAsync(tracker, () => tracker.Count("a") == 1, "node 0 lists it");
        Assert.Equal(1, await tracker.EvictAsync("a", "ann"));
    }

    [Fact]
    public async Task Presence_of_a_node_out_of_reach_is_reported_and_stays()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        await cluster.Tracker(1).TrackAsync(cluster[1].OpenSession(), "a", "ann");
        var tracker = (PresenceTracker)cluster.Tracker(0);
        await TestCluster.UntilAsync(tracker, () => tracker.Count("a") == 1, "node 0 lists it");
        var time = new TestTime { AutoAdvanceAmount = TimeSpan.FromSeconds(3) };
        var evictions = new PresenceEvictions(new Deaf("n0"), time);
        var eviction = evictions.EvictAsync(tracker, tracker.GetByKey("a", "ann"), default);
        while (!eviction.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        var error = await Assert.ThrowsAsync<TimeoutException>(() => eviction);
        Assert.Contains("n1", error.Message);
        Assert.Equal(1, tracker.Count("a"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("0101")]
    public void Other_bytes_are_no_frame(string hex) =>
        Assert.ThrowsAny<ShardFrameException>(() => EvictionFrame.Decode(Convert.FromHexString(hex)));

    [Fact]
    public void Frame_is_read_from_its_bytes()
    {
        var frame = new EvictionFrame("presence", ulong.MaxValue, 2, 3, "topic", "key");
        Assert.Equal(frame, EvictionFrame.Decode(frame.Encode()));
    }

    /// <summary>Reaches nobody.</summary>
    private sealed class Deaf(string name) : IClusterTransport
    {
        public string NodeName => name;

        public ulong Incarnation => 1;

        public string Name => "deaf";

        public Task StartAsync(IClusterTransportReceiver receiver, CancellationToken cancellation) =>
            Task.CompletedTask;

        public void Send(string node, ClusterFrame frame)
        {
        }

        public void Broadcast(ClusterFrame frame)
        {
        }

        public ValueTask<bool> RequestAsync(string node, ClusterFrame frame, CancellationToken cancellation) =>
            new(false);

        public Task StopAsync(CancellationToken cancellation) => Task.CompletedTask;
    }
}
