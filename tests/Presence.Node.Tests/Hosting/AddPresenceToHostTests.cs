using Microsoft.Extensions.Options;
using Presence.Node.Hosting;

namespace Presence.Node.Tests.Hosting;

public sealed class AddPresenceToHostTests
{
    [Fact]
    public async Task AddPresence_registers_a_node_a_tracker_and_pub_sub()
    {
        var services = new ServiceCollection().AddPresence(o => o.NodeName = "solo");
        await using var provider = services.BuildServiceProvider();
        var hosted = provider.GetServices<IHostedService>().OfType<IHostedLifecycleService>().Single();
        var node = provider.GetRequiredService<IPresenceNode>();
        Assert.Equal(NodeState.Starting, node.State);
        await hosted.StartingAsync(default);
        Assert.Equal((NodeState.Ready, "solo", "in-memory"), (node.State, node.Name, node.TransportName));
        Assert.Same(node.Tracker, provider.GetRequiredService<IPresenceTracker>());
        Assert.Same(node.PubSub, provider.GetRequiredService<IClusterPubSub>());
        await hosted.StoppingAsync(default);
        await hosted.StoppedAsync(default);
        Assert.Equal(NodeState.Stopped, node.State);
    }

    [Fact]
    public void AddPresence_may_be_called_twice()
    {
        var services = new ServiceCollection().AddPresence().AddPresence(o => o.NodeName = "again");
        using var provider = services.BuildServiceProvider();
        Assert.Single(provider.GetServices<IHostedService>());
        Assert.Equal("again", provider.GetRequiredService<IPresenceNode>().Name);
    }

    public static TheoryData<string, Action<PresenceOptions>> InvalidOptions => new()
    {
        { "Presence:MailboxCapacity is 1: it must be at least 16", o => o.MailboxCapacity = 1 },
        { "Presence:HandlerQueueCapacity is 0", o => o.HandlerQueueCapacity = 0 },
        { "Presence:MaxMessageBytes is 0", o => o.MaxMessageBytes = 0 },
        { "Presence:ProbeTimeout is 00:00:00", o => o.ProbeTimeout = TimeSpan.Zero },
        { "Presence:Tracker:PoolSize is 0", o => o.Tracker.PoolSize = 0 },
        { "Presence:Trackers is pubsub", o => o.AddTracker("pubsub") },
        { "MaxKeyBytes is 0", o => o.Limits.MaxKeyBytes = 0 },
    };

    [Theory]
    [MemberData(nameof(InvalidOptions))]
    public void Invalid_value_fails_the_start_and_the_message_names_its_rule(
        string message, Action<PresenceOptions> change)
    {
        using var provider = new ServiceCollection().AddPresence(o =>
        {
            o.NodeName = "n";
            change(o);
        }).BuildServiceProvider();
        Assert.Contains(
            message, Assert.Throws<OptionsValidationException>(provider.GetRequiredService<IPresenceNode>).Message);
    }

    [Fact]
    public async Task Drain_participants_run_after_the_leave_in_order_and_a_failure_stops_none()
    {
        var cluster = new InMemoryCluster();
        var steps = new List<string>();
        NodeState seen = default;
        IPresenceNode? node = null;
        var services = new ServiceCollection().AddSingleton(cluster.CreateTransport("n0"))
            .AddPresence(o => o.NodeName = "n0");
        services.AddSingleton<IDrainParticipant>(new DrainStep(() =>
        {
            seen = node!.State;
            steps.Add("first");
            throw new InvalidTimeZoneException();
        }));
        services.AddSingleton<IDrainParticipant>(new DrainStep(() => steps.Add("second")));
        await using var provider = services.BuildServiceProvider();
        node = provider.GetRequiredService<IPresenceNode>();
        var hosted = provider.GetServices<IHostedService>().OfType<IHostedLifecycleService>().Single();
        await hosted.StartingAsync(default);
        await hosted.StoppingAsync(default);
        Assert.Equal(["first", "second"], steps);
        Assert.Equal(NodeState.Draining, seen);
        await hosted.StoppedAsync(default);
    }

    [Fact]
    public async Task Live_nodes_of_one_process_cannot_share_a_name()
    {
        await using var cluster = new TestCluster();
        await cluster.AddAsync("n0");
        await Assert.ThrowsAsync<InvalidOperationException>(() => cluster.AddAsync("n0"));
    }

    [Fact]
    public async Task Metrics_include_entries_replicas_messages_and_drops()
    {
        var seen = new HashSet<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == "Presence.Tracker")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((i, _, _, _) => Record(i));
        listener.SetMeasurementEventCallback<int>((i, _, _, _) => Record(i));
        listener.SetMeasurementEventCallback<double>((i, _, _, _) => Record(i));
        void Record(Instrument instrument)
        {
            lock (seen)
            {
                seen.Add(instrument.Name);
            }
        }

        listener.Start();
        await using var cluster = await TestCluster.OfAsync(2);
        await cluster.TrackAndSeeAsync();
        ((PresenceNode)cluster[1]).OnFrame("x", new ClusterFrame("presence", 0, new byte[] { 1 }));
        listener.RecordObservableInstruments();
        Assert.Superset(
            new HashSet<string>
            {
                "presence.tracker.entries",
                "presence.tracker.replicas",
                "presence.replication.messages",
                "presence.replication.size",
                "presence.replication.lag", "presence.merge.duration", "presence.frames.dropped",
            },
            seen);
    }

    [Fact]
    public async Task Nodes_lists_the_cluster_with_presences_per_node()
    {
        var version = NodeStatus.LibraryVersion;
        await using var cluster = await TestCluster.OfAsync(2);
        await cluster.TrackAndSeeAsync();
        Assert.Equal(
            [new NodeStatus("n1", "up", true, 0, version), new NodeStatus("n0", "up", false, 1, version)],
            cluster[1].Nodes());
        var replica = Assert.Single(cluster.Tracker(1).Replicas());
        Assert.Equal(("n0", "up", 1UL, 1UL, 1, TimeSpan.Zero), (
            replica.Node, replica.Status, replica.Clock, replica.MaxKnownSequence, replica.Entries, replica.Lag));
    }
}
