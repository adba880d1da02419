using System.Diagnostics.Metrics;
using Presence.Dashboard.Cluster;
using Presence.Node.Telemetry;

namespace Presence.Dashboard.Tests.Cluster;

public sealed class ClusterMonitorTests
{
    private static readonly DateTimeOffset Noon = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Nodes_report_their_views_of_each_other()
    {
        var cluster = new InMemoryCluster();
        await using var one = await LiveNode.StartAsync(cluster, "node-1");
        await using var two = await LiveNode.StartAsync(cluster, "node-2");
        await using var three = await LiveNode.StartAsync(cluster, "node-3");
        await using var socket = await one.AdminAsync();
        var (_, inbox) = await Inbox.JoinAsync(socket, "admin:cluster", "cluster");
        var report = await inbox.NextAsync("cluster", body => body.GetProperty("pairs").GetArrayLength() == 6);
        Assert.Equal("node-1", report.GetProperty("node").GetString());
        Assert.Equal(
            ["node-1>node-2", "node-1>node-3", "node-2>node-1", "node-2>node-3", "node-3>node-1", "node-3>node-2"],
            report.GetProperty("pairs").EnumerateArray()
                .Select(p => $"{p.GetProperty("from").GetString()}>{p.GetProperty("to").GetString()}").Order());
        Assert.All(
            report.GetProperty("nodes").EnumerateArray(), m => Assert.Equal("up", m.GetProperty("status").GetString()));
        Assert.Equal(report.GetProperty("replicas").GetArrayLength(), one.Node.Tracker.Replicas().Count);
    }

    [Fact]
    public async Task Nodes_report_their_slow_consumers()
    {
        var cluster = new InMemoryCluster();
        await using var one = await LiveNode.StartAsync(cluster, "node-1");
        await using var two = await LiveNode.StartAsync(cluster, "node-2");
        two.Services.GetRequiredService<SlowConsumers>().Report(SlowConsumerKind.Handler, "audit", "coalesced");
        await using var socket = await one.AdminAsync();
        var (_, inbox) = await Inbox.JoinAsync(socket, "admin:cluster", "cluster");
        var report = await inbox.NextAsync(
            "cluster", body => body.GetProperty("node_slow").TryGetProperty("node-2", out _));
        var slow = Assert.Single(report.GetProperty("node_slow").GetProperty("node-2").EnumerateArray());
        Assert.Equal("handler", slow.GetProperty("kind").GetString());
        Assert.Equal("audit", slow.GetProperty("name").GetString());
        Assert.Equal("coalesced", slow.GetProperty("detail").GetString());
        Assert.Equal(1, slow.GetProperty("times").GetInt32());
    }

    [Fact]
    public async Task Stopped_node_is_in_the_event_log()
    {
        var cluster = new InMemoryCluster();
        await using var one = await LiveNode.StartAsync(cluster, "node-1");
        await using var two = await LiveNode.StartAsync(cluster, "node-2");
        await using var socket = await one.AdminAsync();
        var (_, inbox) = await Inbox.JoinAsync(socket, "admin:cluster", "cluster");
        await inbox.NextAsync("cluster", body => Happened(body, "node-2", "joined"));
        await two.StopAsync();
        await inbox.NextAsync("cluster", body => Happened(body, "node-2", "left") || Happened(body, "node-2", "down"));
    }

    [Fact]
    public void Event_log_records_changes()
    {
        var log = new ClusterEventLog();
        void Look(params ReplicaStatus[] replicas) => log.Record(View(replicas), new HashSet<string>(), Noon);
        Look();
        Look(Replica());
        Look(Replica());
        Look(Replica(lag: 2.5));
        Look(Replica(lag: 2.5));
        Look(Replica(lag: 1.5));
        Look(Replica());
        Look(Replica(status: "down", silent: 31));
        Look(Replica());
        log.Record(View(Replica()), new HashSet<string> { "node-2" }, Noon);
        Look(Replica(incarnation: 2));
        Look();
        log.Record(
            View() with { Transport = new TransportView("in-memory", "disconnected", null, "no route") },
            new HashSet<string>(),
            Noon);
        Look();
        Assert.Equal(
            ["joined", "behind", "caught_up", "down", "up", "draining", "restarted", "left", "disconnected",
                "connected"],
            log.Events.Reverse().Select(e => e.What));
        Assert.Equal(Noon.ToUnixTimeMilliseconds(), log.Events[0].At);
        Assert.Contains("31 s", log.Events.Single(e => e.What == "down").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Event_log_drops_old_events()
    {
        var log = new ClusterEventLog();
        for (var i = 0; i < ClusterEventLog.Capacity * 2; i++)
        {
            log.Record(i % 2 == 0 ? View() : View(Replica()), new HashSet<string>(), Noon + TimeSpan.FromSeconds(i));
        }

        Assert.Equal(ClusterEventLog.Capacity, log.Events.Count);
        Assert.True(log.Events[0].At > log.Events[^1].At);
    }

    [Fact]
    public void Draining_node_is_shown_before_it_is_removed()
    {
        var own = View(Replica()) with { Nodes = [new("node-1", "up", true, 0), new("node-2", "up", false, 1)] };
        var other = View() with { Node = "node-2", State = "draining" };
        var report = ClusterReport.Of(own, [other], [], Noon);
        Assert.Equal("draining", report.Nodes.Single(m => m.Name == "node-2").Status);
    }

    [Fact]
    public async Task Detached_sessions_and_resumes_are_reported_by_every_node()
    {
        var cluster = new InMemoryCluster();
        await using var one = await LiveNode.StartAsync(cluster, "node-1");
        await using var two = await LiveNode.StartAsync(cluster, "node-2");
        var options = new PresenceSessionOptions { Grace = TimeSpan.FromMinutes(5) };
        var (kept, lost) = (two.Node.OpenSession(options), two.Node.OpenSession(options));
        await two.Node.Tracker.TrackAsync(kept, "t", "ann");
        await two.Node.Tracker.TrackAsync(lost, "t", "bob");
        lost.Detach();
        var meter = two.Services.GetRequiredService<IMeterFactory>().Create("test");
        meter.CreateCounter<long>("presence.sessions.resumes")
            .Add(3, new KeyValuePair<string, object?>("outcome", "ended"));
        await using var socket = await one.AdminAsync();
        var (_, inbox) = await Inbox.JoinAsync(socket, "admin:cluster", "cluster");
        var report = await inbox.NextAsync(
            "cluster", body => body.GetProperty("node_sessions").EnumerateObject().Count() == 2);
        Assert.Equal(
            """{"attached":1,"detached":1,"held_leaves":0,"resumes":{"ended":3}}""",
            report.GetProperty("node_sessions").GetProperty("node-2").GetRawText());
        Assert.Equal(
            """{"attached":0,"detached":0,"held_leaves":0,"resumes":{}}""",
            report.GetProperty("node_sessions").GetProperty("node-1").GetRawText());

        // Each node marks the presences of the other's detached sessions.
        foreach (var node in new[] { one, two })
        {
            await Presence.Harness.TestTimeouts.UntilAsync(
                "bob is shown as detached",
                LiveNode.Timeout,
                async () => await DetachedAsync(node) == "ann False bob True");
        }

        kept.End();
        lost.End();
    }

    private static async Task<string> DetachedAsync(LiveNode node)
    {
        var body = await node.Http.GetFromJsonAsync<System.Text.Json.JsonElement>("/api/presences?topic=t");
        return string.Join(' ', body.GetProperty("presences").EnumerateArray().Select(
            p => $"{p.GetProperty("key").GetString()} {p.GetProperty("detached")[0].GetBoolean()}"));
    }

    private static ReplicaStatus Replica(string status = "up", double lag = 0, double silent = 0,
        ulong incarnation = 1) => new(
        "node-2", incarnation, 0, status, 7, 7, 4, TimeSpan.FromSeconds(lag), TimeSpan.FromSeconds(silent));

    private static ClusterView View(params ReplicaStatus[] replicas) =>
        new("node-1", "ready", new TransportView("in-memory", "connected", null, null), "1", 0, 0, [],
            [.. replicas.Select(ReplicaView.Of)]);

    private static bool Happened(System.Text.Json.JsonElement body, string node, string what) => body
        .GetProperty("events").EnumerateArray()
        .Any(e => e.GetProperty("node").GetString() == node && e.GetProperty("what").GetString() == what);
}
