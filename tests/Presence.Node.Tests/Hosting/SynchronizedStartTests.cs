using Microsoft.Extensions.Diagnostics.HealthChecks;
using Presence.Node.Hosting;

namespace Presence.Node.Tests.Hosting;

/// <summary>A starting node is not ready before it has the presences of the others, for five seconds at most.</summary>
public sealed class SynchronizedStartTests
{
    [Fact]
    public async Task Starting_node_is_not_ready_until_it_has_the_presences_of_the_others()
    {
        var time = new TestTime();
        await using var cluster = new TestCluster(time);
        await StartOneAsync(cluster);
        cluster.InMemory.Reaches = (from, _) => from != "n0";
        var starting = cluster.AddAsync("n1", o => o.SynchronizationTimeout = TimeSpan.FromHours(1), more: AddChecks);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(starting.IsCompleted);
        var entry = await CheckAsync(cluster);
        Assert.Equal(HealthStatus.Unhealthy, entry.Status);
        Assert.Equal("starting: waits for the presences of the other nodes", entry.Description);

        cluster.InMemory.Reaches = (_, _) => true;
        await time.AdvanceUntilAsync("the node has started", () => starting.IsCompleted);
        var node = await starting;
        Assert.Equal(NodeState.Ready, node.State);
        Assert.Equal(1, node.Tracker.Count("lobby"));
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(cluster)).Status);
    }

    [Fact]
    public async Task Starting_node_is_ready_after_five_seconds_if_another_does_not_answer()
    {
        var time = new TestTime();
        await using var cluster = new TestCluster(time);
        var durations = new ConcurrentQueue<(double Seconds, object? IsComplete)>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Name == "presence.synchronization.duration")
                {
                    listening.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>(
            (_, seconds, tags, _) => durations.Enqueue((seconds, tags[0].Value)));
        listener.Start();
        var log = new FakeLogger<PresenceNode>();
        await StartOneAsync(cluster);
        cluster.InMemory.Reaches = (_, _) => false;
        var starting = cluster.AddAsync("n1", more: s => AddChecks(s.AddSingleton<ILogger<PresenceNode>>(log)));
        time.AdvanceInSteps(TimeSpan.FromSeconds(4.9));
        Assert.False(starting.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.1));
        await starting.WaitAsync(TestTimeout);
        Assert.Contains(log.With("not received within 5 s"), l => l.Level == LogLevel.Warning);
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(cluster)).Status);
        Assert.Contains((5.0, (object?)false), durations);
    }

    [Fact]
    public async Task Node_without_others_or_without_a_timeout_is_ready_at_once()
    {
        await using var cluster = new TestCluster(new TestTime());
        await StartOneAsync(cluster);
        cluster.InMemory.Reaches = (_, _) => false;
        var node = await cluster.AddAsync("n1", o => o.SynchronizationTimeout = TimeSpan.Zero);
        Assert.Equal(NodeState.Ready, node.State);
    }

    [Fact]
    public async Task Starting_node_does_not_wait_for_a_node_that_membership_removes()
    {
        await using var cluster = new TestCluster(new TestTime());
        await StartOneAsync(cluster);
        cluster.InMemory.Reaches = (_, _) => false;
        var starting = cluster.AddAsync("n1");
        Assert.False(starting.IsCompleted);
        var removed = ((PresenceNode)cluster[0]).Incarnation;
        cluster.Services(1).GetRequiredService<PresenceNode>().OnNodeRemoved("n0", removed);
        await starting.WaitAsync(TestTimeout);
    }

    private static async Task StartOneAsync(TestCluster cluster)
    {
        await cluster.AddAsync("n0");
        await cluster.Tracker(0).TrackAsync(cluster[0].OpenSession(), "lobby", "ann");
    }

    private static void AddChecks(IServiceCollection services) => services.AddLogging().AddHealthChecks().AddPresence();

    private static async Task<HealthReportEntry> CheckAsync(TestCluster cluster)
    {
        var report = await cluster.Services(1).GetRequiredService<HealthCheckService>().CheckHealthAsync();
        return report.Entries["presence"];
    }
}
