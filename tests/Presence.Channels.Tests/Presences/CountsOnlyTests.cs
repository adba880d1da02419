using Presence.Channels.Tests.Transport;

namespace Presence.Channels.Tests.Presences;

/// <summary>Channels that show counts-only topics.</summary>
public sealed class CountsOnlyTests : IAsyncLifetime
{
    private readonly InMemoryCluster _cluster = new();
    private readonly List<WebHost> _hosts = [];

    public async Task InitializeAsync()
    {
        for (var node = 1; node <= 2; node++)
        {
            _hosts.Add(await WebHost.StartAsync(
                $"n{node}",
                _cluster,
                builder => builder.Services.Configure<PresenceOptions>(options => options.Tracker
                    .AddCountsOnly("live", TimeSpan.FromMilliseconds(100), sample: 2)
                    .AddCountsOnly("room:*", TimeSpan.FromMilliseconds(100), sample: 0)),
                limits => (limits.DiffInterval, limits.MaxHandshakesPerAddress) = (TimeSpan.Zero, 0)));
        }
    }

    public async Task DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            await host.DisposeAsync();
        }
    }

    [Fact]
    public async Task Clients_receive_the_counts_of_all_nodes_and_a_sample_of_their_own()
    {
        await TrackAsync(0, "ann", "bob", "cid");
        using var first = await Viewer.JoinAsync(_hosts[0], "watch:live", isExact: false);
        await first.UntilAsync(() => first.Count == 3);
        Assert.Equal(["mode counts", "counts 3 3 [ann bob]"], first.Log);
        using var second = await Viewer.JoinAsync(_hosts[1], "watch:live", isExact: false);
        await second.UntilAsync(() => second.Count == 3);
        Assert.Empty(second.Sample);
        var session = await TrackAsync(1, "dan", "ann");
        foreach (var viewer in (Viewer[])[first, second])
        {
            await viewer.UntilAsync(() => (viewer.Count, viewer.Keys) == (5, 4));
        }

        session.End();
        foreach (var viewer in (Viewer[])[first, second])
        {
            await viewer.UntilAsync(() => (viewer.Count, viewer.Keys) == (3, 3));
            Assert.All(viewer.Log.Skip(1), line => Assert.StartsWith("counts", line, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Own_presence_is_in_the_sample()
    {
        using var zed = await Viewer.JoinAsync(_hosts[0], "room:1", """{"key":"zed"}""", isExact: false);
        await zed.UntilAsync(() => zed.Count == 1 && zed.Sample.Length == 1);
        using var ann = await Viewer.JoinAsync(_hosts[1], "room:1", """{"key":"ann"}""", isExact: false);
        await ann.UntilAsync(() => ann.Count == 2 && ann.Sample.Length == 1);
        await zed.UntilAsync(() => zed.Count == 2);
        Assert.Equal(["zed"], zed.Sample);
        Assert.Equal(["ann"], ann.Sample);
    }

    [Fact]
    public async Task Page_has_the_presences_of_all_nodes()
    {
        await TrackAsync(0, "ann", "cid");
        await TrackAsync(1, "bob", "cid");
        using var viewer = await Viewer.JoinAsync(_hosts[0], "watch:live", isExact: false);
        await viewer.UntilAsync(() => viewer.Count == 4);
        Assert.Equal(
            """ok ann bob, next "bob" """.Trim(), await viewer.RequestAsync("presence_page", """{"limit":2}"""));
        Assert.Equal(
            "ok cid, next null", await viewer.RequestAsync("presence_page", """{"after":"bob","limit":2}"""));
        Assert.StartsWith(
            "error The key has 300 bytes",
            await viewer.RequestAsync("presence_page", $$"""{"after":"{{new string('k', 300)}}"}"""),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task View_of_a_counts_only_topic_is_a_clear_error()
    {
        const string Reason = "error Topic 'live' is counts-only: it has counts and pages, but no list of presences.";
        using var viewer = await Viewer.JoinAsync(_hosts[0], "watch:live", isExact: false);
        Assert.Equal(Reason, await viewer.RequestAsync("presence_view", """{"view":{"first":2}}"""));
        await TrackAsync(0, "ann");
        await viewer.UntilAsync(() => viewer.Count == 1);
        using var socket = await _hosts[0].ConnectAsync("/open/websocket?vsn=2.0.0");
        await socket.SendAsync("""["1","1","watch:live","phx_join",{"view":{"first":2}}]""");
        Assert.Contains("is counts-only", await socket.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Channel_that_pushes_members_of_a_counts_only_topic_cannot_be_joined()
    {
        using var socket = await _hosts[0].ConnectAsync("/open/websocket?vsn=2.0.0");
        await socket.SendAsync("""["1","1","watch:live","phx_join",{"always_members":true}]""");
        Assert.Contains("join crashed", await socket.NextAsync(), StringComparison.Ordinal);
    }

    private async Task<PresenceSession> TrackAsync(int host, params string[] keys)
    {
        var node = _hosts[host].Services.GetRequiredService<IPresenceNode>();
        var session = node.OpenSession();
        foreach (var key in keys)
        {
            await node.Tracker.TrackAsync(session, "live", key);
        }

        return session;
    }
}
