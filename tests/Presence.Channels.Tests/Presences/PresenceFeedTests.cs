namespace Presence.Channels.Tests.Presences;

public sealed class PresenceFeedTests : IDisposable
{
    private readonly Harness _harness = new(l => l.DiffWindow = TimeSpan.Zero);

    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task A_newcomer_is_answered_and_then_shown_the_state_with_itself()
    {
        var (harness, client) = (_harness, _harness.Connect());
        await client.JoinAsync("room:a", "1", """{"key":"ann","meta":{"n":1}}""");
        var reference = harness.Node.List("room:a").Single().Ref;
        Assert.Equal(
            $$$"""["1",null,"room:a","presence_state",{"ann":{"metas":[{"n":1,"phx_ref":"{{{reference}}}"}]}}]""",
            await client.NextAsync());
    }

    [Fact]
    public async Task Joins_updates_and_leaves_are_told_to_the_others()
    {
        var (harness, ann, bob) = (_harness, _harness.Connect(), _harness.Connect());
        await ann.JoinAsync("room:a", "1", """{"key":"ann"}""");
        await ann.NextAsync();
        await bob.JoinAsync("room:a", "1", """{"key":"bob","meta":{"v":1}}""");
        var first = harness.Node.GetByKey("room:a", "bob")[0].Ref;
        Assert.Equal(
            $$$"""["1",null,"room:a","presence_diff",{"joins":{"bob":{"metas":[{"v":1,"phx_ref":"{{{first}}}"}]}},"leaves":{}}]""",
            await ann.NextAsync());

        await bob.SendAsync("""["1","2","room:a","update",{"v":2}]""");
        var update = JsonDocument.Parse(await ann.NextAsync()).RootElement[4];
        Assert.Equal(first, update.GetProperty("leaves").GetProperty("bob").GetProperty("metas")[0].GetProperty("phx_ref").GetString());
        Assert.Equal(first, update.GetProperty("joins").GetProperty("bob").GetProperty("metas")[0].GetProperty("phx_ref_prev").GetString());

        bob.Session.End();
        var leave = JsonDocument.Parse(await ann.NextAsync()).RootElement[4];
        Assert.Equal("bob", Assert.Single(leave.GetProperty("leaves").EnumerateObject()).Name);
        Assert.Empty(leave.GetProperty("joins").EnumerateObject());
    }

    [Fact]
    public async Task A_change_names_the_join_it_is_for_so_that_the_next_join_does_not_take_it_for_its_own()
    {
        var (harness, ann, old) = (_harness, _harness.Connect(), _harness.Connect("1.0.0"));
        await ann.JoinAsync("watch:t", "7");
        Assert.StartsWith("""["7",null,"watch:t","presence_state",""", await ann.NextAsync(), StringComparison.Ordinal);
        await old.SendAsync("""{"topic":"watch:t","event":"phx_join","payload":{},"ref":"1"}""");
        await old.NextAsync();
        await old.NextAsync();
        var process = harness.Node.StartProcess();

        // Written once and shared from a certain size on, copied below it.
        await harness.Node.TrackAsync(process, "t", "small", PresenceMeta.Empty);
        Assert.StartsWith("""["7",null,"watch:t","presence_diff",{"joins":{"small":""", await ann.NextAsync(), StringComparison.Ordinal);
        await harness.Node.TrackAsync(process, "t", "large", PresenceMeta.Parse($$"""{"x":"{{new string('x', 5000)}}"}"""));
        Assert.StartsWith("""["7",null,"watch:t","presence_diff",{"joins":{"large":""", await ann.NextAsync(), StringComparison.Ordinal);
        Assert.Contains("presence_diff", await old.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_or_crashed_channel_leaves_no_presence()
    {
        var (harness, client) = (_harness, _harness.Connect());
        await client.RefusedAsync("""["1","1","room:a","phx_join",{"key":"ann","meta":[]}]""", "join crashed");
        Assert.Equal(0, harness.Node.Count("room:a"));
        Assert.Equal(0, harness.Node.Watchers);
    }

    [Fact]
    public async Task A_throwing_update_crashes_its_channel_and_its_presence_leaves()
    {
        var (harness, client) = (_harness, _harness.Connect());
        await client.JoinAsync("room:a", "1", """{"key":"ann"}""");
        await client.NextAsync();
        await client.ExpectAsync(
            """["1","2","room:a","update",5]""", """["1","1","room:a","phx_error",{"reason":"channel_crash"}]""");
        Assert.Equal(0, harness.Node.Count("room:a"));
        Assert.Equal(0, harness.Node.Watchers);
    }

    [Fact]
    public async Task Changes_within_the_window_leave_as_one_message()
    {
        using var harness = new Harness();
        var client = harness.Connect();
        await client.JoinAsync("watch:t");
        var view = new PresenceView(client);
        await view.UntilAsync(_ => true);
        var process = harness.Node.StartProcess();
        for (var i = 0; i < 50; i++)
        {
            await harness.Node.TrackAsync(process, "t", "k" + i, PresenceMeta.Empty);
        }

        await harness.TickUntilAsync(view.UntilAsync(v => v.Metas.Count == 50));
        Assert.InRange(view.Diffs, 1, 2);
        process.End();
        await harness.TickUntilAsync(view.UntilAsync(v => v.Metas.Count == 0));
    }

    [Fact]
    public async Task The_state_is_written_once_for_newcomers_of_one_moment()
    {
        using var harness = new Harness();
        var process = harness.Node.StartProcess();
        for (var i = 0; i < 100; i++)
        {
            await harness.Node.TrackAsync(process, "t", "k" + i, PresenceMeta.Empty);
        }

        // Somebody is here already: a large state is not kept for a newcomer who is alone.
        var (zero, one, two) = (harness.Connect(), harness.Connect(), harness.Connect());
        await zero.JoinAsync("watch:t");
        await harness.TickUntilAsync(zero.NextFrameAsync());
        await one.JoinAsync("watch:t");
        await two.JoinAsync("watch:t");
        var first = await harness.TickUntilAsync(one.NextFrameAsync());
        var second = await harness.TickUntilAsync(two.NextFrameAsync());
        Assert.True(first.Body.Length > 1024);
        Assert.True(first.Body.Equals(second.Body));
    }

    [Fact]
    public async Task The_last_to_leave_ends_the_feed()
    {
        var (harness, client) = (_harness, _harness.Connect());
        await client.JoinAsync("watch:t");
        await client.NextAsync();
        Assert.Equal(1, harness.Node.Watchers);
        await client.ExpectAsync(
            """["1","2","watch:t","phx_leave",{}]""",
            """["1","2","watch:t","phx_reply",{"status":"ok","response":{}}]""",
            """["1","1","watch:t","phx_close",{}]""");
        Assert.Equal(0, harness.Node.Watchers);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whoever_comes_and_goes_every_client_ends_with_the_same_state(int seed)
    {
        using var harness = new Harness(l => l.DiffWindow = TimeSpan.FromMilliseconds(20));
        var random = new Random(seed);
        var clients = new List<(TestClient Client, PresenceView View)>();
        var processes = Enumerable.Range(0, 20).Select(_ => harness.Node.StartProcess()).ToList();
        for (var i = 0; i < 400; i++)
        {
            if (i % 20 == 0)
            {
                var client = harness.Connect();
                await client.JoinAsync("watch:t");
                clients.Add((client, new PresenceView(client)));
            }

            await StepAsync(harness.Node, processes[random.Next(processes.Count)], "k" + random.Next(5), random.Next(4));
            if (random.Next(4) == 0)
            {
                harness.Time.Advance(TimeSpan.FromMilliseconds(random.Next(30)));
            }
        }

        await harness.Node.TrackAsync(harness.Node.StartProcess(), "t", "last", PresenceMeta.Empty);
        foreach (var (_, view) in clients)
        {
            await harness.TickUntilAsync(view.UntilAsync(v => v.Metas.Values.Any(m => m.StartsWith("last", StringComparison.Ordinal))));
        }

        var expected = string.Join("|", harness.Node.List("t").Select(e => e.Ref).Order(StringComparer.Ordinal));
        Assert.All(clients, c => Assert.Equal(expected, string.Join("|", c.View.Metas.Keys.Order(StringComparer.Ordinal))));
    }

    [Fact]
    public async Task A_thousand_joins_of_one_room_cost_few_states_and_leave_all_clients_alike()
    {
        using var harness = new Harness();
        var clients = new List<TestClient>();
        for (var i = 0; i < 1000; i++)
        {
            var client = harness.Connect();
            await client.JoinAsync("room:big", "1", $$"""{"key":"user{{i}}"}""");
            clients.Add(client);
            if (i % 50 == 0)
            {
                harness.Time.Advance(TimeSpan.FromMilliseconds(25));
            }
        }

        var views = clients.Select(c => new PresenceView(c)).ToList();
        foreach (var view in views)
        {
            await harness.TickUntilAsync(view.UntilAsync(v => v.Metas.Count == 1000));
        }

        Assert.Single(views.Select(v => v.Summary).Distinct());
        Assert.InRange(views.Max(v => v.Diffs), 0, 100);
    }

    private static async Task StepAsync(StubNode node, Presence.Node.PresenceProcess process, string key, int what)
    {
        var there = node.GetByKey("t", key).Any(e => e.Process == process.Id);
        if (!there)
        {
            await node.TrackAsync(process, "t", key, PresenceMeta.Empty);
        }
        else if (what == 0)
        {
            await node.UntrackAsync(process, "t", key);
        }
        else
        {
            await node.UpdateAsync(process, "t", key, PresenceMeta.From(new { what }));
        }
    }
}
