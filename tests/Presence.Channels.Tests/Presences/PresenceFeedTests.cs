namespace Presence.Channels.Tests.Presences;

public sealed class PresenceFeedTests : IDisposable
{
    private readonly Harness _harness = new(l => l.DiffInterval = TimeSpan.Zero);
    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task New_client_gets_its_answer_and_then_the_state_with_its_own_presence()
    {
        var (harness, client) = (_harness, _harness.Connect());
        await client.JoinAsync("room:a", "1", """{"key":"ann","meta":{"n":1}}""");
        var reference = harness.Node.List("room:a").Single().Ref;
        Assert.Equal(
            $$$"""["1",null,"room:a","presence_state",{"ann":{"metas":[{"n":1,"phx_ref":"{{{reference}}}"}]}}]""",
            await client.NextAsync());
    }

    [Fact]
    public async Task Joins_updates_and_leaves_are_sent_to_the_other_clients()
    {
        var (harness, ann, bob) = (_harness, _harness.Connect(), _harness.Connect());
        await ann.JoinAsync("room:a", "1", """{"key":"ann"}""");
        await ann.NextAsync();
        await bob.JoinAsync("room:a", "1", """{"key":"bob","meta":{"v":1}}""");
        var first = harness.Node.GetByKey("room:a", "bob")[0].Ref;
        Assert.Equal(
            """["1",null,"room:a","presence_diff",{"joins":{"bob":{"metas":"""
                + $$$"""[{"v":1,"phx_ref":"{{{first}}}"}]}},"leaves":{}}]""",
            await ann.NextAsync());

        await bob.SendAsync("""["1","2","room:a","update",{"v":2}]""");
        var update = JsonDocument.Parse(await ann.NextAsync()).RootElement[4];
        Assert.Equal(
            first,
            update.GetProperty("leaves").GetProperty("bob").GetProperty("metas")[0].GetProperty("phx_ref").GetString());
        Assert.Equal(first,
            update.GetProperty("joins").GetProperty("bob").GetProperty("metas")[0].GetProperty("phx_ref_prev")
                .GetString());

        bob.Session.End();
        var leave = JsonDocument.Parse(await ann.NextAsync()).RootElement[4];
        Assert.Equal("bob", Assert.Single(leave.GetProperty("leaves").EnumerateObject()).Name);
        Assert.Empty(leave.GetProperty("joins").EnumerateObject());
    }

    [Fact]
    public async Task Diff_carries_the_reference_of_its_join_so_that_the_next_join_ignores_it()
    {
        var (harness, ann, old) = (_harness, _harness.Connect(), _harness.Connect("1.0.0"));
        await ann.JoinAsync("watch:t", "7");
        Assert.StartsWith("""["7",null,"watch:t","presence_state",""", await ann.NextAsync(), StringComparison.Ordinal);
        await old.SendAsync("""{"topic":"watch:t","event":"phx_join","payload":{},"ref":"1"}""");
        await old.NextAsync();
        await old.NextAsync();
        var session = harness.Node.OpenSession();

        // Encoded once and shared from a certain size, copied below it.
        await harness.Node.TrackAsync(session, "t", "small", PresenceMeta.Empty);
        Assert.StartsWith(
            """["7",null,"watch:t","presence_diff",{"joins":{"small":""",
            await ann.NextAsync(),
            StringComparison.Ordinal);
        await harness.Node.TrackAsync(
            session, "t", "large", PresenceMeta.Parse($$"""{"x":"{{new string('x', 5000)}}"}"""));
        Assert.StartsWith(
            """["7",null,"watch:t","presence_diff",{"joins":{"large":""",
            await ann.NextAsync(),
            StringComparison.Ordinal);
        Assert.Contains("presence_diff", await old.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rejected_or_failed_channel_leaves_no_presence()
    {
        var (harness, client) = (_harness, _harness.Connect());
        await client.RejectedAsync("""["1","1","room:a","phx_join",{"key":"ann","meta":[]}]""", "join crashed");
        Assert.Equal(0, harness.Node.Count("room:a"));
        Assert.Equal(0, harness.Node.Watchers);
    }

    [Fact]
    public async Task Throwing_update_ends_its_channel_and_removes_its_presence()
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
    public async Task Changes_within_the_interval_are_sent_as_one_message()
    {
        using var harness = new Harness();
        var client = harness.Connect();
        await client.JoinAsync("watch:t");
        var view = new ClientPresences(client);
        await view.UntilAsync(_ => true);
        var session = harness.Node.OpenSession();
        for (var i = 0; i < 50; i++)
        {
            await harness.Node.TrackAsync(session, "t", "k" + i, PresenceMeta.Empty);
        }

        await harness.TickUntilAsync(view.UntilAsync(v => v.Metas.Count == 50));
        Assert.InRange(view.Diffs, 1, 2);
        session.End();
        await harness.TickUntilAsync(view.UntilAsync(v => v.Metas.Count == 0));
    }

    [Fact]
    public async Task State_is_encoded_once_for_clients_that_join_together()
    {
        using var harness = new Harness();
        var session = harness.Node.OpenSession();
        for (var i = 0; i < 100; i++)
        {
            await harness.Node.TrackAsync(session, "t", "k" + i, PresenceMeta.Empty);
        }

        // A client has joined already: a large state is not kept for a single client.
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
    public async Task Feed_ends_when_its_last_channel_leaves()
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
    public async Task Clients_end_with_the_same_state_after_random_joins_and_leaves(int seed)
    {
        using var harness = new Harness(l => l.DiffInterval = TimeSpan.FromMilliseconds(20));
        var random = new Random(seed);
        var clients = new List<(TestClient Client, ClientPresences View)>();
        var processes = Enumerable.Range(0, 20).Select(_ => harness.Node.OpenSession()).ToList();
        for (var i = 0; i < 400; i++)
        {
            if (i % 20 == 0)
            {
                var client = harness.Connect();
                await client.JoinAsync("watch:t");
                clients.Add((client, new ClientPresences(client)));
            }

            await StepAsync(
                harness.Node, processes[random.Next(processes.Count)], "k" + random.Next(5), random.Next(4));
            if (random.Next(4) == 0)
            {
                harness.Time.Advance(TimeSpan.FromMilliseconds(random.Next(30)));
            }
        }

        await harness.Node.TrackAsync(harness.Node.OpenSession(), "t", "last", PresenceMeta.Empty);
        foreach (var (_, view) in clients)
        {
            await harness.TickUntilAsync(
                view.UntilAsync(v => v.Metas.Values.Any(m => m.StartsWith("last", StringComparison.Ordinal))));
        }

        var expected = string.Join("|", harness.Node.List("t").Select(e => e.Ref).Order(StringComparer.Ordinal));
        Assert.All(
            clients, c => Assert.Equal(expected, string.Join("|", c.View.Metas.Keys.Order(StringComparer.Ordinal))));
    }

    [Fact]
    public async Task Thousand_joins_of_one_topic_cost_few_states_and_leave_equal_clients()
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

        var views = clients.Select(c => new ClientPresences(c)).ToList();
        foreach (var view in views)
        {
            await harness.TickUntilAsync(view.UntilAsync(v => v.Metas.Count == 1000));
        }

        Assert.Single(views.Select(v => v.Summary).Distinct());
        Assert.InRange(views.Max(v => v.Diffs), 0, 100);
    }

    private static async Task StepAsync(StubNode node, Presence.Node.PresenceSession session, string key, int what)
    {
        var there = node.GetByKey("t", key).Any(e => e.Process == session.Id);
        if (!there)
        {
            await node.TrackAsync(session, "t", key, PresenceMeta.Empty);
        }
        else if (what == 0)
        {
            await node.UntrackAsync(session, "t", key);
        }
        else
        {
            await node.UpdateAsync(session, "t", key, PresenceMeta.From(new { what }));
        }
    }
}
