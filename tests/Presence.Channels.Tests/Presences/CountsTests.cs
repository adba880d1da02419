using Presence.Channels.Tests.Transport;

namespace Presence.Channels.Tests.Presences;

/// <summary>Topics whose clients receive counts while they are large.</summary>
public sealed class CountsTests : IAsyncLifetime
{
    private readonly InMemoryCluster _cluster = new();
    private readonly List<WebHost> _hosts = [];
    private readonly FetchGate _gate = new();

    public async Task InitializeAsync()
    {
        for (var node = 1; node <= 2; node++)
        {
            _hosts.Add(await WebHost.StartAsync(
                $"n{node}",
                _cluster,
                builder => builder.Services
                    .AddSingleton(_gate)
                    .AddChannels(channels => channels
                        .Presence<GatedNames>("fetched")
                        .Socket<OpenDoorSocket>(routes => routes.Channel<TryingChannel>("trying:*")))
                    .Configure<PresenceOptions>(options => options.Tracker
                        .AddAdaptive("t", members: 10, sample: 3, every: TimeSpan.FromMilliseconds(100))
                        .AddAdaptive("fetched", members: 3, sample: 2, every: TimeSpan.FromMilliseconds(100))
                        .AddAdaptive("room:*", members: 2, sample: 1, every: TimeSpan.FromMilliseconds(100))),
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
    public async Task Switch_to_counts_follows_the_last_diff_and_the_switch_back_begins_with_the_state()
    {
        var session = NodeOf(0).OpenSession();
        await TrackAsync(session, 1, 10);
        using var viewer = await Viewer.JoinAsync(_hosts[0], "watch:t");
        await viewer.UntilAsync(() => viewer.Presences.Count == 10);
        await TrackAsync(session, 11, 11);
        await viewer.UntilAsync(() => viewer.Count == 11);
        Assert.Equal(
            ["diff", "mode counts", "counts 11 11 [01 02 03]"],
            viewer.Log.TakeLast(3));
        Assert.Equal(11, viewer.Former);
        viewer.Log.Clear();

        // Back from four fifths, not from the number at which counts begin.
        await UntrackAsync(session, 10, 11);
        await viewer.UntilAsync(() => viewer.Count == 9);
        Assert.DoesNotContain("mode members", viewer.Log);
        await UntrackAsync(session, 9, 9);
        await viewer.UntilAsync(() => viewer.Presences.Count == 8);
        Assert.Equal(["mode members", "state"], viewer.Log.TakeLast(2));
    }

    [Fact]
    public async Task Nobody_is_lost_or_doubled_while_the_mode_switches_under_load_and_all_nodes_count_alike()
    {
        var random = new Random(7);
        PresenceSession[] sessions = [NodeOf(0).OpenSession(), NodeOf(1).OpenSession()];
        var present = new HashSet<(int Node, string Key)>();
        var viewers = new List<Viewer>();
        for (var i = 0; i < 6; i++)
        {
            viewers.Add(await Viewer.JoinAsync(_hosts[i % 2], "watch:t"));
        }

        for (var round = 0; round < 4; round++)
        {
            await ChangeUntilAsync(20);
            await ChangeAsync(60, 20);
            viewers.Add(await Viewer.JoinAsync(_hosts[round % 2], "watch:t"));
            var numbers = (present.Count, present.Select(one => one.Key).Distinct().Count());
            await Task.WhenAll(viewers.Select(
                viewer => viewer.UntilAsync(() => (viewer.Count, viewer.Keys) == numbers)));
            await ChangeUntilAsync(5);
            await ChangeAsync(60, 5);
            await Task.WhenAll(viewers.Select(viewer => viewer.UntilAsync(
                () => viewer.Mode == "members" && viewer.Presences.Values.Order(StringComparer.Ordinal).SequenceEqual(
                    present.Select(one => one.Key).Order(StringComparer.Ordinal)))));
        }

        Assert.All(viewers.Take(6), viewer => Assert.Equal(8, viewer.Switches));
        viewers.ForEach(viewer => viewer.Dispose());

        async Task ChangeUntilAsync(int size)
        {
            while (present.Count != size)
            {
                await StepAsync(present.Count < size);
            }
        }

        async Task ChangeAsync(int steps, int about)
        {
            for (var i = 0; i < steps; i++)
            {
                await StepAsync(present.Count < about || (present.Count < about + 3 && random.Next(2) == 0));
            }
        }

        async Task StepAsync(bool joins)
        {
            var one = joins
                ? (random.Next(2), $"user {random.Next(40):D2}")
                : present.ElementAt(random.Next(present.Count));
            var tracker = NodeOf(one.Item1).Tracker;
            if (!joins)
            {
                present.Remove(one);
                await tracker.UntrackAsync(sessions[one.Item1], "t", one.Item2);
            }
            else if (present.Add(one))
            {
                await tracker.TrackAsync(sessions[one.Item1], "t", one.Item2);
            }
        }
    }

    [Fact]
    public async Task Own_device_is_in_every_sample_also_when_the_key_has_others()
    {
        var session = NodeOf(1).OpenSession();
        foreach (var key in new[] { "ann", "bob", "cid" })
        {
            await NodeOf(1).Tracker.TrackAsync(session, "room:1", key);
        }

        await TestTimeouts.UntilAsync(
            "the other node has all", TestClient.Timeout, () => NodeOf(0).Tracker.List("room:1").Count == 3);
        using var zed = await Viewer.JoinAsync(_hosts[0], "room:1", """{"key":"zed"}""");
        await zed.UntilAsync(() => zed.Count == 4);
        Assert.Equal(["ann", "zed"], zed.Sample);
        using var ann = await Viewer.JoinAsync(_hosts[0], "room:1", """{"key":"ann"}""");
        await ann.UntilAsync(() => ann.Count == 5);
        Assert.Equal(["ann", "ann"], ann.Sample);
        Assert.Equal(4, ann.Keys);
        await zed.UntilAsync(() => zed.Count == 5);
        Assert.Equal(["ann", "zed"], zed.Sample);
    }

    [Fact]
    public async Task Key_that_was_rejected_is_not_awaited_in_samples()
    {
        var session = NodeOf(0).OpenSession();
        await TrackAsync(session, 1, 11);
        using var viewer = await Viewer.JoinAsync(_hosts[0], "trying:t");
        await viewer.UntilAsync(() => viewer.Count == 11);
        Assert.StartsWith("error", await viewer.RequestAsync(
            "track", $$"""{"key":"{{new string('k', 300)}}"}"""), StringComparison.Ordinal);
        await TrackAsync(session, 12, 12);
        await viewer.UntilAsync(() => viewer.Count == 12);
        Assert.False(viewer.HasNewSample);
        Assert.StartsWith("ok", await viewer.RequestAsync("track", """{"key":"zed"}"""), StringComparison.Ordinal);
        await viewer.UntilAsync(() => viewer.Count == 13);
        Assert.Equal(["01", "02", "03", "zed"], viewer.Sample);
    }

    [Fact]
    public async Task Own_change_that_changes_no_number_is_in_a_sample_for_its_client_alone()
    {
        var session = NodeOf(0).OpenSession();
        await TrackAsync(session, 1, 11);
        using var other = await Viewer.JoinAsync(_hosts[0], "watch:t");
        using var viewer = await Viewer.JoinAsync(_hosts[0], "trying:t");
        await viewer.RequestAsync("track", """{"key":"zed"}""");
        await viewer.UntilAsync(() => viewer.Count == 12 && viewer.Sample.Contains("zed"));
        await other.UntilAsync(() => other.Count == 12);
        var (received, others) = (viewer.Log.Count, other.Log.Count);
        Assert.StartsWith("ok", await viewer.RequestAsync("update", """{"key":"zed"}"""), StringComparison.Ordinal);
        await viewer.UntilAsync(() => viewer.Log.Count > received);
        Assert.Equal("counts 12 12 [01 02 03 zed]", viewer.Log[^1]);
        Assert.True(viewer.HasNewSample);
        await TrackAsync(session, 12, 12);
        await other.UntilAsync(() => other.Count == 13);
        Assert.Equal(others + 1, other.Log.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Changes_during_the_fetch_before_a_switch_are_in_no_message_of_the_other_mode(bool switchesBack)
    {
        var (tracker, session) = (NodeOf(0).Tracker, NodeOf(0).OpenSession());
        await tracker.TrackAsync(session, "fetched", "ann");
        await tracker.TrackAsync(session, "fetched", "bob");
        await tracker.TrackAsync(session, "fetched", "cid");
        using var viewer = await Viewer.JoinAsync(_hosts[0], "watch:fetched");
        await viewer.UntilAsync(() => viewer.Presences.Count == 3);
        var fetching = _gate.Close();
        await tracker.TrackAsync(session, "fetched", "dan");
        await fetching.WaitAsync(TestClient.Timeout);
        await tracker.TrackAsync(session, "fetched", "eve");
        if (switchesBack)
        {
            await LeaveAsync();
        }

        await tracker.DeliveredAsync();
        _gate.Open();
        await viewer.UntilAsync(() => viewer.Count == 4);
        Assert.Equal(["mode counts", "counts 4 4 [ann bob]"], viewer.Log.TakeLast(2));
        Assert.Equal(["ANN", "BOB"], viewer.SampledNames);
        if (!switchesBack)
        {
            await viewer.UntilAsync(() => viewer.Count == 5);
            await LeaveAsync();
        }

        await viewer.UntilAsync(() => viewer.Presences.Count == 3);
        Assert.Equal(["cid", "dan", "eve"], viewer.Presences.Values.Order(StringComparer.Ordinal));
        await tracker.TrackAsync(session, "fetched", "ann");
        await viewer.UntilAsync(() => viewer.Count == 4);

        async Task LeaveAsync()
        {
            await tracker.UntrackAsync(session, "fetched", "ann");
            await tracker.UntrackAsync(session, "fetched", "bob");
        }
    }

    [Fact]
    public async Task Page_can_be_asked_for_in_either_mode()
    {
        var session = NodeOf(0).OpenSession();
        await TrackAsync(session, 1, 15);
        using var viewer = await Viewer.JoinAsync(_hosts[0], "watch:t");
        Assert.Equal(
            """ok 01 02 03, next "03" """.Trim(), await viewer.RequestAsync("presence_page", """{"limit":3}"""));
        Assert.Equal(
            "ok 13 14 15, next null", await viewer.RequestAsync("presence_page", """{"after":"12","limit":3}"""));
        await UntrackAsync(session, 4, 15);
        await viewer.UntilAsync(() => viewer.Mode == "members");
        Assert.Equal("ok 01 02 03, next null", await viewer.RequestAsync("presence_page", "{}"));
    }

    [Theory]
    [InlineData("""{"limit":0}""", "limit must be a whole number from 1 to 1000.")]
    [InlineData("""{"limit":1001}""", "limit must be a whole number from 1 to 1000.")]
    [InlineData("""{"limit":1.5}""", "limit must be a whole number from 1 to 1000.")]
    [InlineData("""{"limit":"9"}""", "limit must be a whole number from 1 to 1000.")]
    [InlineData("""{"after":9}""", "after must be the key that the last page gave.")]
    public async Task Malformed_request_for_a_page_is_answered_with_the_reason(string payload, string reason)
    {
        using var viewer = await Viewer.JoinAsync(_hosts[0], "watch:t");
        Assert.Equal($"error {reason}", await viewer.RequestAsync("presence_page", payload));
    }

    [Fact]
    public async Task Client_of_a_channel_that_pushes_members_always_receives_them()
    {
        var session = NodeOf(0).OpenSession();
        await TrackAsync(session, 1, 15);
        using var counting = await Viewer.JoinAsync(_hosts[0], "watch:t");
        await counting.UntilAsync(() => counting.Count == 15);
        using var viewer = await Viewer.JoinAsync(_hosts[0], "watch:t", """{"always_members":true}""");
        await viewer.UntilAsync(() => viewer.Presences.Count == 15);
        await TrackAsync(session, 16, 16);
        await viewer.UntilAsync(() => viewer.Presences.Count == 16);
        Assert.Equal(["state", "diff"], viewer.Log);
    }

    [Fact]
    public async Task Client_of_a_large_topic_that_asks_for_a_part_receives_its_part()
    {
        await TrackAsync(NodeOf(0).OpenSession(), 1, 15);
        using var viewer = await Viewer.JoinAsync(_hosts[0], "watch:t", """{"view":{"first":2}}""");
        await viewer.UntilAsync(() => viewer.Presences.Count == 2);
        Assert.Equal(["state"], viewer.Log);
    }

    private static string Name(int number) => $"{number:D2}";

    private IPresenceNode NodeOf(int host) => _hosts[host].Services.GetRequiredService<IPresenceNode>();

    private async Task TrackAsync(PresenceSession session, int from, int to)
    {
        for (var i = from; i <= to; i++)
        {
            await NodeOf(0).Tracker.TrackAsync(session, "t", Name(i));
        }
    }

    private async Task UntrackAsync(PresenceSession session, int from, int to)
    {
        for (var i = from; i <= to; i++)
        {
            await NodeOf(0).Tracker.UntrackAsync(session, "t", Name(i));
        }
    }

    /// <summary>Lets a test hold a fetch.</summary>
    private sealed class FetchGate
    {
        private TaskCompletionSource _open = new();
        private TaskCompletionSource _began = new();

        public FetchGate() => _open.SetResult();

        public Task Waiting()
        {
            _began.TrySetResult();
            return _open.Task;
        }

        /// <summary>Completes when a fetch waits.</summary>
        public Task Close()
        {
            _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _began = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return _began.Task;
        }

        public void Open() => _open.SetResult();
    }

    /// <summary>Answers with what the tracker rejects.</summary>
    private sealed class TryingChannel : Channel
    {
        protected internal override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
        {
            PushPresence("t");
            return new(JoinResult.Ok());
        }

        protected internal override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
        {
            try
            {
                var key = payload.ToElement().GetProperty("key").GetString()!;
                await (name == "update"
                    ? UpdateAsync(key, PresenceMeta.From(new { status = "busy" }), topic: "t")
                    : TrackAsync(key, topic: "t"));
                return ChannelResult.Ok();
            }
            catch (PresenceLimitException e)
            {
                return ChannelResult.Error(new { reason = e.Message });
            }
        }
    }

    private sealed class GatedNames(FetchGate gate) : ChannelPresence
    {
        protected internal override async ValueTask FetchAsync(
            PresenceFetch presences, CancellationToken cancellation)
        {
            await gate.Waiting();
            foreach (var key in presences.Keys)
            {
                presences.Put(key, "name", key.ToUpperInvariant());
            }
        }
    }
}
