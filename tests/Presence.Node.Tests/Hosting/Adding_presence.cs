using Microsoft.Extensions.Options;

namespace Presence.Node.Tests.Hosting;

public sealed class Adding_presence
{
    [Fact]
    public async Task An_application_has_a_member_a_tracker_and_pub_sub()
    {
        var services = new ServiceCollection().AddPresence(o => o.NodeName = "solo");
        await using var provider = services.BuildServiceProvider();
        var hosted = provider.GetServices<IHostedService>().OfType<IHostedLifecycleService>().Single();
        var node = provider.GetRequiredService<IPresenceNode>();
        Assert.Equal(NodeState.Starting, node.State);
        await hosted.StartingAsync(default);
        Assert.Equal((NodeState.Ready, "solo", "embedded"), (node.State, node.Name, node.Engine));
        Assert.Same(node.Tracker, provider.GetRequiredService<IPresenceTracker>());
        Assert.Same(node.PubSub, provider.GetRequiredService<IClusterPubSub>());
        await hosted.StoppingAsync(default);
        await hosted.StoppedAsync(default);
        Assert.Equal(NodeState.Stopped, node.State);
    }

    [Fact]
    public void Adding_it_twice_is_adding_it_once()
    {
        var services = new ServiceCollection().AddPresence().AddPresence(o => o.NodeName = "again");
        using var provider = services.BuildServiceProvider();
        Assert.Single(provider.GetServices<IHostedService>());
        Assert.Equal("again", provider.GetRequiredService<IPresenceNode>().Name);
    }

    public static TheoryData<string, Action<PresenceOptions>> Bad => new()
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
    [MemberData(nameof(Bad))]
    public void A_bad_value_stops_the_start_and_is_named_with_its_rule(string message, Action<PresenceOptions> spoil)
    {
        using var provider = new ServiceCollection().AddPresence(o =>
        {
            o.NodeName = "n";
            spoil(o);
        }).BuildServiceProvider();
        Assert.Contains(message, Assert.Throws<OptionsValidationException>(provider.GetRequiredService<IPresenceNode>).Message);
    }

    [Fact]
    public async Task Drain_steps_run_after_the_farewell_in_order_and_one_that_fails_stops_none()
    {
        var engine = new EmbeddedCluster();
        var steps = new List<string>();
        NodeState seen = default;
        IPresenceNode? node = null;
        var services = new ServiceCollection().AddSingleton(engine.CreateLink("n0")).AddPresence(o => o.NodeName = "n0");
        services.AddSingleton<IDrainStep>(new DrainStep(() =>
        {
            seen = node!.State;
            steps.Add("first");
            throw new InvalidTimeZoneException();
        }));
        services.AddSingleton<IDrainStep>(new DrainStep(() => steps.Add("second")));
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
    public async Task Two_living_members_of_one_process_cannot_share_a_name()
    {
        await using var cluster = new TestCluster();
        await cluster.AddAsync("n0");
        await Assert.ThrowsAsync<InvalidOperationException>(() => cluster.AddAsync("n0"));
    }

    [Fact]
    public async Task An_operator_sees_entries_replicas_messages_and_drops()
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
        listener.SetMeasurementEventCallback<long>((i, _, _, _) => Note(i));
        listener.SetMeasurementEventCallback<int>((i, _, _, _) => Note(i));
        listener.SetMeasurementEventCallback<double>((i, _, _, _) => Note(i));
        void Note(Instrument instrument)
        {
            lock (seen)
            {
                seen.Add(instrument.Name);
            }
        }

        listener.Start();
        await using var cluster = await TestCluster.OfAsync(2);
        await cluster.TrackAndSeeAsync();
        ((PresenceNode)cluster[1]).Received("x", new LinkFrame("presence", 0, new byte[] { 1 }));
        listener.RecordObservableInstruments();
        Assert.Superset(
            new HashSet<string>
            {
                "presence.tracker.entries", "presence.tracker.replicas", "presence.replication.messages", "presence.replication.size",
                "presence.replication.lag", "presence.merge.duration", "presence.frames.dropped",
            },
            seen);
    }

    [Fact]
    public async Task The_members_of_the_cluster_are_listed_with_what_they_own()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await cluster.TrackAndSeeAsync();
        Assert.Equal(
            [new MemberStatus("n1", "up", true, 0), new MemberStatus("n0", "up", false, 1)],
            cluster[1].Members());
        var replica = Assert.Single(cluster.Tracker(1).Replicas());
        Assert.Equal(("n0", "up", 1UL, 1UL, 1, TimeSpan.Zero), (replica.Node, replica.Status, replica.Clock, replica.Advertised, replica.Entries, replica.Lag));
    }
}
