using Presence.Tracker.Wire;

namespace Presence.Node.Tests.Sessions;

/// <summary>Clusters in which a node has an earlier version, which does not know sessions.</summary>
public sealed class MixedVersionTests
{
    private static readonly PresenceSessionOptions Grace = new() { Grace = TimeSpan.FromSeconds(10) };
    private static readonly string[] Earlier = ["old"];

    [Fact]
    public async Task Sessions_get_no_grace_while_an_earlier_node_is_in_the_cluster()
    {
        await using var cluster = new TestCluster();
        var transport = await AddAsync(cluster, "n0");
        transport.NodesWithoutSessions = Earlier;
        var session = cluster[0].OpenSession(Grace);
        Assert.False(session.IsResumable);
        Assert.Null(session.Token);
        await cluster.Tracker(0).TrackAsync(session, "lobby", "ann");
        Assert.Null(cluster.Tracker(0).List("lobby").Single().Stamp);
        session.Detach();
        Assert.Equal(0, cluster.Tracker(0).Count("lobby"));

        transport.NodesWithoutSessions = [];
        Assert.True(cluster[0].OpenSession(Grace).IsResumable);
    }

    [Fact]
    public async Task Earlier_node_lists_the_presences_of_sessions_and_the_others_still_know_their_session()
    {
        await using var cluster = new TestCluster();
        var transports = new[] { await AddAsync(cluster, "n0"), await AddAsync(cluster, "n1") };
        await TestCluster.UntilNodesAsync(cluster, 2);
        var session = cluster[0].OpenSession(Grace);
        await cluster.Tracker(0).TrackAsync(session, "lobby", "ann");
        var receiver = new EarlierReceiver();
        Array.ForEach(transports, t => t.NodesWithoutSessions = Earlier);
        await AddAsync(cluster, "old", receiver.Of);
        await ListsAsync(cluster, 2, "ann");

        await cluster.Tracker(0).TrackAsync(session, "lobby", "bob");
        await ListsAsync(cluster, 2, "ann", "bob");
        await ListsAsync(cluster, 1, "ann", "bob");
        Assert.All(cluster.Tracker(1).List("lobby"), e => Assert.NotNull(e.Stamp));
        Assert.All(cluster.Tracker(2).List("lobby"), e => Assert.Null(e.Stamp));
        Assert.Equal(0, receiver.Rejected);
    }

    [Fact]
    public async Task Session_is_resumed_only_at_its_own_node_and_not_handed_over_while_an_earlier_node_is_there()
    {
        await using var cluster = new TestCluster();
        var transports = new[] { await AddAsync(cluster, "n0"), await AddAsync(cluster, "n1") };
        await TestCluster.UntilNodesAsync(cluster, 2);
        var session = cluster[0].OpenSession(Grace);
        await cluster.Tracker(0).TrackAsync(session, "lobby", "ann");
        await ListsAsync(cluster, 1, "ann");
        Array.ForEach(transports, t => t.NodesWithoutSessions = Earlier);
        var elsewhere = await cluster[1].ResumeAsync(session.Token!, Grace);
        Assert.Equal((ResumeOutcome.New, ResumeFailure.NotResumable), (elsewhere.Outcome, elsewhere.Failure));
        Assert.False(elsewhere.Session.IsResumable);
        Assert.Equal(ResumeOutcome.Attached, (await cluster[0].ResumeAsync(session.Token!, Grace)).Outcome);

        await cluster.StopAsync(0);
        Assert.Equal(default, cluster.Tracker(1).List("lobby").Single().Stamp!.Generation);
    }

    private static async Task<TamperedTransport> AddAsync(
        TestCluster cluster, string name, Func<IClusterTransportReceiver, IClusterTransportReceiver>? receiver = null)
    {
        var transport = new TamperedTransport(cluster.InMemory.CreateTransport(name));
        transport.Receiver = receiver ?? transport.Receiver;
        await cluster.AddAsync(name, transport: transport);
        return transport;
    }

    private static Task ListsAsync(TestCluster cluster, int node, params string[] keys)
    {
        var tracker = cluster.Tracker(node);
        return TestCluster.UntilAsync(
            tracker, () => tracker.List("lobby").Select(e => e.Key).SequenceEqual(keys), string.Join(", ", keys));
    }

    /// <summary>Receives as a version does that knows neither frames with sessions nor their channel.</summary>
    private sealed class EarlierReceiver : IClusterTransportReceiver
    {
        private IClusterTransportReceiver _node = null!;
        private int _rejected;

        public int Rejected => _rejected;

        public EarlierReceiver Of(IClusterTransportReceiver node)
        {
            _node = node;
            return this;
        }

        public void OnFrame(string from, ClusterFrame frame)
        {
            if (IsKnown(frame))
            {
                _node.OnFrame(from, frame);
            }
        }

        public ValueTask<bool> OnRequestAsync(string from, ClusterFrame frame) =>
            IsKnown(frame) ? _node.OnRequestAsync(from, frame) : ValueTask.FromResult(false);

        public void OnNodeJoined(string node) => _node.OnNodeJoined(node);

        public void OnNodeRemoved(string node, ulong incarnation) => _node.OnNodeRemoved(node, incarnation);

        private bool IsKnown(ClusterFrame frame)
        {
            var isKnown = frame.Channel != PresenceOptions.SessionChannel
                && (frame.Channel == PresenceOptions.PubSubChannel || frame.Body.Span[0] == ShardFrameCodec.Version);
            Interlocked.Add(ref _rejected, isKnown ? 0 : 1);
            return isKnown;
        }
    }
}
