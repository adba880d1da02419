using System.Threading.Channels;

namespace Presence.SignalR.Tests;

/// <summary>Hubs that push an adaptive topic.</summary>
public sealed class HubCountsTests
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Client_receives_counts_while_the_topic_is_large_with_its_own_presence_in_the_sample(
        bool messagePack)
    {
        await using var servers = await StartAsync();
        var (tracker, session) = (servers.Node(1).Tracker, servers.Node(1).OpenSession());
        await using var zed = await servers.ConnectAsync(0, "zed", messagePack);
        var messages = Messages(zed);
        await zed.InvokeAsync("Push", "big");
        Assert.Equal("state ", await messages.ReadAsync());
        await tracker.TrackAsync(session, "big", "ann");
        await tracker.TrackAsync(session, "big", "bob");
        await UntilAsync("diff ann bob", "diff bob");
        await tracker.TrackAsync(session, "big", "cid");
        Assert.Equal("diff cid", await messages.ReadAsync());
        Assert.Equal("mode counts", await messages.ReadAsync());
        Assert.Equal("counts 3 3 ann", await messages.ReadAsync());
        await zed.InvokeAsync("TrackText", "big", "zed", "{}");
        await UntilAsync("counts 4 4 ann zed");

        // Also what changes no number.
        await zed.InvokeAsync("Update", "big", """{"status":"busy"}""");
        await UntilAsync("counts 4 4 ann zed");

        // Once: the client has the sample.
        await tracker.TrackAsync(session, "big", "dan");
        Assert.Equal("counts 5 5", await messages.ReadAsync());
        await tracker.UntrackAsync(session, "big", "ann");
        await tracker.UntrackAsync(session, "big", "bob");
        await tracker.UntrackAsync(session, "big", "cid");
        await UntilAsync("mode members");
        Assert.Equal("state dan zed", await messages.ReadAsync());

        async Task UntilAsync(params string[] one)
        {
            string message;
            do
            {
                message = await messages.ReadAsync();
            }
            while (!one.Contains(message));
        }
    }

    [Fact]
    public async Task Stream_has_modes_and_counts_and_the_typed_one_counts()
    {
        await using var servers = await StartAsync();
        var (tracker, session) = (servers.Node(0).Tracker, servers.Node(0).OpenSession());
        foreach (var key in new[] { "ann", "bob", "cid" })
        {
            await tracker.TrackAsync(session, "big", key);
        }

        await using var zed = await servers.ConnectAsync(0, "zed");
        await using var items = zed.Connection.StreamAsync<HubPresenceMessage>("Watch", "big").GetAsyncEnumerator();
        Assert.True(await items.MoveNextAsync());
        Assert.Equal(new HubPresenceMode("big", "counts"), items.Current.Mode);
        Assert.True(await items.MoveNextAsync());
        var counts = items.Current.Counts!;
        Assert.Equal((3, 3, true), (counts.Count, counts.Keys, counts.Exact));
        await using var typed =
            zed.Connection.StreamAsync<HubPresenceChanges<NamedUser>>("WatchNamed", "big").GetAsyncEnumerator();
        Assert.True(await typed.MoveNextAsync());
        Assert.Equal((false, 0, 3), (typed.Current.IsState, typed.Current.Changes.Count, typed.Current.Counts?.Count));
        await tracker.UntrackAsync(session, "big", "cid");
        Assert.True(await typed.MoveNextAsync());
        Assert.Null(typed.Current.Counts);
        Assert.Equal((true, 2), (typed.Current.IsState, typed.Current.Changes.Count));
    }

    [Fact]
    public async Task Page_is_given_in_any_mode_and_a_limit_out_of_range_is_a_clear_error()
    {
        await using var servers = await StartAsync();
        var (tracker, session) = (servers.Node(0).Tracker, servers.Node(0).OpenSession());
        foreach (var key in new[] { "ann", "bob", "cid" })
        {
            await tracker.TrackAsync(session, "big", key);
        }

        await using var zed = await servers.ConnectAsync(0, "zed");
        var first = await zed.InvokeAsync<HubPresencePage>("Page", "big", null, 2);
        Assert.Equal(["ann", "bob"], first.Presences.Select(p => p.Key));
        Assert.Equal("bob", first.Next);
        var last = await zed.InvokeAsync<HubPresencePage>("Page", "big", first.Next, 2);
        Assert.Equal(["cid"], last.Presences.Select(p => p.Key));
        Assert.Null(last.Next);
        foreach (var limit in (int[])[0, 1001])
        {
            var error = await Assert.ThrowsAsync<HubException>(
                () => zed.InvokeAsync<HubPresencePage>("Page", "big", null, limit));
            Assert.Contains("A page has 1 to 1000 keys.", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Counts_only_topic_is_pushed_as_counts_of_all_servers_with_the_own_presence_in_the_sample()
    {
        await using var servers = await StartAsync();
        await servers.Node(1).Tracker.TrackAsync(servers.Node(1).OpenSession(), "live", "ann");
        await TestTimeouts.UntilAsync(
            "the other server counts it", s_timeout, () => servers.Node(0).Tracker.Count("live") == 1);
        await using var zed = await servers.ConnectAsync(0, "zed");
        var messages = Messages(zed);
        await zed.InvokeAsync("Push", "live");
        Assert.Equal("mode counts", await messages.ReadAsync());
        Assert.Equal("counts 1 1", await messages.ReadAsync());
        await zed.InvokeAsync("TrackText", "live", "zed", "{}");
        while (await messages.ReadAsync() is var message && message != "counts 2 2 zed")
        {
            Assert.StartsWith("counts", message, StringComparison.Ordinal);
        }

        await using var items = zed.Connection.StreamAsync<HubPresenceMessage>("Watch", "live").GetAsyncEnumerator();
        Assert.True(await items.MoveNextAsync());
        Assert.Equal("counts", items.Current.Mode?.Mode);
        Assert.True(await items.MoveNextAsync());
        Assert.False(items.Current.Counts!.Exact);
        var page = await zed.InvokeAsync<HubPresencePage>("Page", "live", null, 10);
        Assert.Equal(["ann", "zed"], page.Presences.Select(p => p.Key));
    }

    [Fact]
    public async Task Members_of_a_counts_only_topic_are_a_clear_error()
    {
        await using var servers = await StartAsync();
        await using var zed = await servers.ConnectAsync(0, "zed");
        Func<Task>[] calls =
        [
            () => zed.InvokeAsync<string[]>("Keys", "live"),
            () => zed.InvokeAsync("PushView", "live", new PresenceView { First = 1 }),
            async () => await zed.Connection.StreamAsync<HubPresenceMessage>(
                "WatchView", "live", new PresenceView { First = 1 }).GetAsyncEnumerator().MoveNextAsync(),
            async () => await zed.Connection.StreamAsync<HubKeyChanges>(
                "WatchKeys", (string[])["ann"], "live").GetAsyncEnumerator().MoveNextAsync(),
        ];
        foreach (var call in calls)
        {
            var error = await Assert.ThrowsAsync<HubException>(call);
            Assert.Contains("'live' is counts-only", error.Message, StringComparison.Ordinal);
        }
    }

    private static Task<HubServers> StartAsync() => HubServers.StartAsync(
        2,
        services: services => services.Configure<PresenceOptions>(options =>
            options.Tracker
                .AddAdaptive("big", members: 2, sample: 1, every: TimeSpan.FromMilliseconds(100))
                .AddCountsOnly("live", TimeSpan.FromMilliseconds(100), sample: 1)));

    /// <summary>Returns what a client receives, in short.</summary>
    private static Received Messages(HubUser user)
    {
        var messages = System.Threading.Channels.Channel.CreateUnbounded<string>();
        user.Connection.On<HubPresenceState>(
            "PresenceState", state => Add("state " + Keys(state.Presences.Select(p => p.Key))));
        user.Connection.On<HubPresenceDiff>(
            "PresenceDiff", diff => Add("diff " + Keys(diff.Changes.Select(change => change.Key))));
        user.Connection.On<HubPresenceMode>("PresenceMode", mode => Add($"mode {mode.Mode}"));
        user.Connection.On<HubPresenceCounts>("PresenceCounts", counts => Add(
            $"counts {counts.Count} {counts.Keys} {Keys(counts.Sample?.Select(p => p.Key) ?? [])}".TrimEnd()));
        return new Received(messages.Reader);

        void Add(string message) => messages.Writer.TryWrite(message);

        static string Keys(IEnumerable<string> keys) => string.Join(' ', keys.Order(StringComparer.Ordinal));
    }

    private sealed record Received(ChannelReader<string> Messages)
    {
        public Task<string> ReadAsync() => Messages.ReadAsync().AsTask().WaitAsync(s_timeout);
    }
}
