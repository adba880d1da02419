using Microsoft.Extensions.Diagnostics.HealthChecks;
using Presence.Node.Hosting;
using Presence.Tracker.Wire;

namespace Presence.Node.Tests.Health;

public sealed class PresenceHealthCheckTests
{
    [Fact]
    public async Task Ready_node_is_healthy_and_reports_itself_and_its_replicas()
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0", more: AddChecks);
        await cluster.AddAsync("n1");
        await TestCluster.UntilNodesAsync(cluster, 2);
        var entry = await CheckAsync(cluster, 0);
        Assert.Equal((HealthStatus.Healthy, "ready"), (entry.Status, entry.Description));
        Assert.Equal("n0", entry.Data["node"]);
        Assert.Equal(node.Incarnation, entry.Data["incarnation"]);
        Assert.Equal("in-memory, connected", entry.Data["transport"]);
        // n1, in each of the trackers presence and unique.
        Assert.Equal(cluster.Services(0).GetRequiredService<PresenceNode>().Peers().Count(), entry.Data["replicas_up"]);
        Assert.Equal(0, entry.Data["replicas_recovering"]);
    }

    [Fact]
    public async Task Node_with_a_disconnected_transport_is_degraded()
    {
        await using var cluster = new TestCluster();
        var transport = new TamperedTransport(cluster.InMemory.CreateTransport("n0"));
        await cluster.AddAsync("n0", transport: transport, more: AddChecks);
        transport.Status = new ClusterTransportStatus(false, LastError: "no route");
        var entry = await CheckAsync(cluster, 0);
        Assert.Equal(HealthStatus.Degraded, entry.Status);
        Assert.Equal("transport disconnected: no route", entry.Description);
        Assert.Equal("in-memory, disconnected", entry.Data["transport"]);
    }

    [Fact]
    public async Task Node_is_degraded_while_its_lease_store_cannot_be_reached()
    {
        await using var cluster = new TestCluster();
        var store = new FailingStore { LastError = "the database is away" };
        await cluster.AddAsync("n0", more: services => AddChecks(services.AddSingleton<ILeaseStore>(store)));
        Assert.Equal(HealthStatus.Degraded, (await CheckAsync(cluster, 0)).Status);
        store.LastError = null;
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(cluster, 0)).Status);
    }

    [Fact]
    public async Task Node_is_degraded_while_a_replica_recovers()
    {
        var time = new TestTime();
        await using var cluster = new TestCluster(time);
        var log = new FakeLogger<PresenceNode>();
        await cluster.AddAsync("n0");
        await cluster.AddAsync("n1", o => o.Tracker.LogLevel = "Information", more: services =>
            AddChecks(services.AddSingleton<ILogger<PresenceNode>>(log)));
        await cluster.Tracker(0).TrackAsync(cluster[0].OpenSession(), "t", "k");
        time.AdvanceInSteps(TimeSpan.FromSeconds(5));
        await TestCluster.UntilAsync(cluster.Tracker(1), () => cluster.Tracker(1).Count("t") == 1, "k is listed");
        cluster.InMemory.Reaches = (_, _) => false;
        await UntilLoggedAsync("Down n0");

        // A node that is down is not of this node's health.
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(cluster, 1)).Status);
        cluster.InMemory.Reaches = (from, _) => from == "n0";
        await cluster.Tracker(0).TrackAsync(cluster[0].OpenSession(), "t", "news");
        await UntilLoggedAsync("Recovering n0");
        var entry = await CheckAsync(cluster, 1);
        Assert.Equal(HealthStatus.Degraded, entry.Status);
        Assert.NotEqual(0, entry.Data["replicas_recovering"]);

        Task UntilLoggedAsync(string text) => time.AdvanceUntilAsync(
            text, () => log.Collector.GetSnapshot().Any(r => r.Message.Contains(text, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Node_that_must_stop_is_unhealthy()
    {
        await using var cluster = new TestCluster(new TestTime());
        var transport = new TamperedTransport(cluster.InMemory.CreateTransport("n0"));
        transport.OnStart = receiver => SendConflictingHeartbeat(receiver, new ReplicaId("n0", transport.Incarnation));
        await cluster.AddAsync("n0", transport: transport, more: AddChecks);
        var entry = await CheckAsync(cluster, 0);
        Assert.Equal(HealthStatus.Unhealthy, entry.Status);
        Assert.Equal("failed: another live node has this name", entry.Description);
    }

    [Fact]
    public async Task Node_that_drains_has_the_failure_status_that_was_asked_for()
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("n0", more: services =>
            services.AddLogging().AddHealthChecks().AddPresence(failureStatus: HealthStatus.Degraded, tags: "ready"));
        await node.LeaveAsync(default);
        var entry = await CheckAsync(cluster, 0);
        Assert.Equal((HealthStatus.Degraded, "draining"), (entry.Status, entry.Description));
        Assert.Equal(["ready"], entry.Tags);
    }

    private static void AddChecks(IServiceCollection services) => services.AddLogging().AddHealthChecks().AddPresence();

    private static async Task<HealthReportEntry> CheckAsync(TestCluster cluster, int node)
    {
        var report = await cluster.Services(node).GetRequiredService<HealthCheckService>().CheckHealthAsync();
        return report.Entries["presence"];
    }

    private static void SendConflictingHeartbeat(IClusterTransportReceiver node, ReplicaId replica)
    {
        var started = ulong.MaxValue / 8;
        var sender = new Sender(replica with { Incarnation = started }, started, 12345, 1, 0);
        var heartbeat = new HeartbeatFrame(sender, [new Clock(replica, 0, 0)]);
        node.OnFrame(replica.Node, new ClusterFrame("presence", 0, ShardFrameCodec.Encode(heartbeat)));
    }

    private sealed class FailingStore : ILeaseStore
    {
        public string? LastError { get; set; }

        public ValueTask<LeaseResult> AcquireAsync(
            string name, string holder, TimeSpan duration, CancellationToken cancellation) => throw new IOException();

        public ValueTask<LeaseResult> RenewAsync(
            string name, string holder, long epoch, TimeSpan duration, CancellationToken cancellation) =>
            throw new IOException();

        public ValueTask<bool> ReleaseAsync(
            string name, string holder, long epoch, ReadOnlyMemory<byte> state, CancellationToken cancellation) =>
            throw new IOException();

        public IDisposable OnReleased(string name, Action onReleased) => throw new IOException();
    }
}
