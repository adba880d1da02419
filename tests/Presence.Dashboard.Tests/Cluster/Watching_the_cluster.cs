namespace Presence.Dashboard.Tests.Cluster;

public sealed class Watching_the_cluster
{
    private static readonly DateTimeOffset Noon = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Every_member_says_what_it_knows_of_every_other()
    {
        var cluster = new EmbeddedCluster();
        await using var one = await LiveMember.StartAsync(cluster, "node-1");
        await using var two = await LiveMember.StartAsync(cluster, "node-2");
        await using var three = await LiveMember.StartAsync(cluster, "node-3");
        await using var socket = await one.AdminAsync();
        var (_, inbox) = await Inbox.JoinAsync(socket, "admin:cluster", "cluster");
        var report = await inbox.NextAsync("cluster", body => body.GetProperty("pairs").GetArrayLength() == 6);
        Assert.Equal("node-1", report.GetProperty("node").GetString());
        Assert.Equal(
            ["node-1>node-2", "node-1>node-3", "node-2>node-1", "node-2>node-3", "node-3>node-1", "node-3>node-2"],
            report.GetProperty("pairs").EnumerateArray()
                .Select(p => $"{p.GetProperty("from").GetString()}>{p.GetProperty("to").GetString()}").Order());
        Assert.All(report.GetProperty("members").EnumerateArray(), m => Assert.Equal("up", m.GetProperty("status").GetString()));
        Assert.Equal(report.GetProperty("replicas").GetArrayLength(), one.Node.Tracker.Replicas().Count);
    }

    [Fact]
    public async Task A_member_that_stops_is_told_of_in_the_event_log()
    {
        var cluster = new EmbeddedCluster();
        await using var one = await LiveMember.StartAsync(cluster, "node-1");
        await using var two = await LiveMember.StartAsync(cluster, "node-2");
        await using var socket = await one.AdminAsync();
        var (_, inbox) = await Inbox.JoinAsync(socket, "admin:cluster", "cluster");
        await inbox.NextAsync("cluster", body => Happened(body, "node-2", "joined"));
        await two.StopAsync();
        await inbox.NextAsync("cluster", body => Happened(body, "node-2", "left") || Happened(body, "node-2", "down"));
    }

    [Fact]
    public void The_diary_notices_what_changes()
    {
        var diary = new ClusterDiary();
        void Look(params ReplicaStatus[] replicas) => diary.Look(View(replicas), new HashSet<string>(), Noon);
        Look();
        Look(Replica());
        Look(Replica());
        Look(Replica(lag: 2.5));
        Look(Replica(lag: 2.5));
        Look(Replica(lag: 1.5));
        Look(Replica());
        Look(Replica(status: "down", silent: 31));
        Look(Replica());
        diary.Look(View(Replica()), new HashSet<string> { "node-2" }, Noon);
        Look(Replica(incarnation: 2));
        Look();
        diary.Look(View() with { Link = new LinkView("away", null, "no route") }, new HashSet<string>(), Noon);
        Look();
        Assert.Equal(
            ["joined", "behind", "caught_up", "down", "up", "draining", "restarted", "left", "away", "connected"],
            diary.Events.Reverse().Select(e => e.What));
        Assert.Equal(Noon.ToUnixTimeMilliseconds(), diary.Events[0].At);
        Assert.Contains("31 s", diary.Events.Single(e => e.What == "down").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void The_diary_forgets_what_is_old()
    {
        var diary = new ClusterDiary();
        for (var i = 0; i < ClusterDiary.Capacity * 2; i++)
        {
            diary.Look(i % 2 == 0 ? View() : View(Replica()), new HashSet<string>(), Noon + TimeSpan.FromSeconds(i));
        }

        Assert.Equal(ClusterDiary.Capacity, diary.Events.Count);
        Assert.True(diary.Events[0].At > diary.Events[^1].At);
    }

    [Fact]
    public void A_member_that_says_it_drains_is_shown_so_before_it_is_gone()
    {
        var own = View(Replica()) with { Members = [new("node-1", "up", true, 0), new("node-2", "up", false, 1)] };
        var other = View() with { Node = "node-2", State = "draining" };
        var report = ClusterReport.Of(own, [other], [], Noon);
        Assert.Equal("draining", report.Members.Single(m => m.Name == "node-2").Status);
    }

    private static ReplicaStatus Replica(string status = "up", double lag = 0, double silent = 0, ulong incarnation = 1) => new(
        "node-2", incarnation, 0, status, 7, 7, 4, TimeSpan.FromSeconds(lag), TimeSpan.FromSeconds(silent));

    private static ClusterView View(params ReplicaStatus[] replicas) =>
        new("node-1", "ready", "embedded", new LinkView("connected", null, null), "1", 0, 0, [], [.. replicas.Select(ReplicaView.Of)]);

    private static bool Happened(System.Text.Json.JsonElement body, string node, string what) => body
        .GetProperty("events").EnumerateArray()
        .Any(e => e.GetProperty("node").GetString() == node && e.GetProperty("what").GetString() == what);
}
