using Presence.Tracker.Cursors;

namespace Presence.Channels.Tests.Presences;

/// <summary>Clients that join again with a cursor.</summary>
public sealed class CursorTests : IDisposable
{
    private readonly Harness _harness = new(l => l.DiffInterval = TimeSpan.Zero);

    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task Client_that_asks_gets_a_cursor_after_the_state_and_in_every_diff()
    {
        var client = _harness.Connect();
        await client.JoinAsync("watch:t", payload: """{"cursor":""}""");
        Assert.Equal("""["1",null,"watch:t","presence_state",{}]""", await client.NextAsync());
        var first = Cursor(await client.NextAsync(), "presence_cursor");
        await TrackAsync("ann");
        var second = Cursor(await client.NextAsync(), "presence_diff");
        Assert.NotEqual(first, second);
        Assert.True(TopicCursor.TryParse(second!, out _));
    }

    [Fact]
    public async Task Client_that_does_not_ask_gets_the_same_messages_beside_one_that_does()
    {
        var (asks, other) = (_harness.Connect(), _harness.Connect());
        await asks.JoinAsync("watch:t", payload: """{"cursor":null}""");
        await asks.NextAsync();
        await asks.NextAsync();
        await other.JoinAsync("watch:t", "2");
        await other.NextAsync();
        var ann = await TrackAsync("ann");
        Assert.Equal(
            """["2",null,"watch:t","presence_diff",{"joins":{"ann":{"metas":"""
                + $$$"""[{"phx_ref":"{{{ann.Ref}}}"}]}},"leaves":{}}]""",
            await other.NextAsync());
        Assert.NotNull(Cursor(await asks.NextAsync(), "presence_diff"));
        await other.ExpectNothingAsync();
    }

    [Fact]
    public async Task Client_that_comes_back_gets_one_diff_with_what_it_missed()
    {
        var (ann, bob) = (await TrackAsync("ann"), await TrackAsync("bob"));
        var cursor = await WatchAsync();
        await UntrackAsync(ann);
        var cid = await TrackAsync("cid");
        await UntrackAsync(await TrackAsync("dan"));
        var client = _harness.Connect();
        await RejoinAsync(client, cursor);
        var frame = await client.NextAsync();
        Assert.StartsWith(
            $$$"""["2",null,"watch:t","presence_diff",{"joins":{"cid":{"metas":[{"phx_ref":"{{{cid.Ref}}}"}]}},"""
            + $$$"""
            "leaves":{"ann":{"metas":[{"phx_ref":"{{{ann.Ref}}}"}]}},"cursor":"
            """,
            frame,
            StringComparison.Ordinal);
        Assert.Equal(1, _harness.Counted("presence.cursors:difference"));

        // Later changes follow, and the new cursor is as good.
        await UntrackAsync(bob);
        var next = Cursor(await client.NextAsync(), "presence_diff");
        await RejoinAsync(client, next!);
        Assert.Contains("""{"joins":{},"leaves":{},"cursor":""", await NextDiffAsync(client), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"x\"", "malformed")]
    [InlineData("7", "malformed")]
    [InlineData("{\"a\":1}", "malformed")]
    [InlineData("\"AQAAAAAAAAAA\"", "state")]
    public async Task Cursor_that_leads_nowhere_is_answered_with_the_state(string cursor, string outcome)
    {
        await TrackAsync("ann");
        var client = _harness.Connect();
        await client.SendAsync($$"""["1","1","watch:t","phx_join",{"cursor":{{cursor}}}]""");
        Assert.Contains("\"ok\"", await client.NextAsync(), StringComparison.Ordinal);
        Assert.Contains("presence_state\",{\"ann\"", await client.NextAsync(), StringComparison.Ordinal);
        Assert.NotNull(Cursor(await client.NextAsync(), "presence_cursor"));
        Assert.Equal(1, _harness.Counted("presence.cursors:" + outcome));
    }

    [Fact]
    public async Task Cursor_of_another_topic_is_answered_with_the_state()
    {
        var cursor = await WatchAsync();
        await _harness.Node.TrackAsync(_harness.Node.OpenSession(), "other", "ann");
        var client = _harness.Connect();
        await RejoinAsync(client, cursor, "watch:other");
        Assert.Contains("presence_state\",{\"ann\"", await client.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task State_is_sent_if_it_is_smaller_than_what_was_missed()
    {
        var many = new List<PresenceEntry>();
        for (var i = 0; i < 40; i++)
        {
            many.Add(await TrackAsync($"k{i}"));
        }

        var cursor = await WatchAsync();
        foreach (var entry in many)
        {
            await UntrackAsync(entry);
        }

        var client = _harness.Connect();
        await RejoinAsync(client, cursor);
        Assert.Equal("""["2",null,"watch:t","presence_state",{}]""", await client.NextAsync());
    }

    [Fact]
    public async Task Client_of_version_1_gets_no_cursor()
    {
        var client = _harness.Connect("1.0.0");
        await client.SendAsync("""{"topic":"watch:t","event":"phx_join","payload":{"cursor":""},"ref":"1"}""");
        Assert.DoesNotContain("cursor", await client.NextAsync(), StringComparison.Ordinal);
        Assert.Contains("presence_state", await client.NextAsync(), StringComparison.Ordinal);
        await TrackAsync("ann");
        Assert.EndsWith("\"leaves\":{}}}", await client.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_clients_with_different_cursors_all_get_what_they_missed()
    {
        var cursors = new List<string>();
        for (var i = 0; i < 300; i++)
        {
            await TrackAsync($"k{i}");
            cursors.Add(TopicCursor.Of(TopicDigest.Of("t", _harness.Node.List("t")))!.Text);
        }

        var clients = new List<TestClient>();
        foreach (var cursor in cursors)
        {
            clients.Add(_harness.Connect());
            await RejoinAsync(clients[^1], cursor);
        }

        for (var i = 0; i < clients.Count; i++)
        {
            using var frame = JsonDocument.Parse(await clients[i].NextAsync());
            Assert.Equal(299 - i, frame.RootElement[4].GetProperty("joins").EnumerateObject().Count());
        }
    }

    private static string? Cursor(string frame, string name)
    {
        using var json = JsonDocument.Parse(frame);
        Assert.Equal(name, json.RootElement[3].GetString());
        return json.RootElement[4].GetProperty("cursor").GetString();
    }

    private static async Task RejoinAsync(TestClient client, string cursor, string topic = "watch:t")
    {
        await client.SendAsync($$"""["2","2","{{topic}}","phx_join",{"cursor":"{{cursor}}"}]""");
        Assert.Contains("""{"presence":"resumed"}""", await client.NextAsync(), StringComparison.Ordinal);
    }

    private static async Task<string> NextDiffAsync(TestClient client)
    {
        string frame;
        do
        {
            frame = await client.NextAsync();
        }
        while (!frame.Contains("presence_diff", StringComparison.Ordinal));
        return frame;
    }

    /// <summary>Joins once and returns the cursor.</summary>
    private async Task<string> WatchAsync()
    {
        var client = _harness.Connect();
        await client.JoinAsync("watch:t", payload: """{"cursor":""}""");
        await client.NextAsync();
        var cursor = Cursor(await client.NextAsync(), "presence_cursor");
        client.Session.End();
        return cursor!;
    }

    private async Task<PresenceEntry> TrackAsync(string key)
    {
        var session = _harness.Node.OpenSession();
        _sessions.Add(key, session);
        return await _harness.Node.TrackAsync(session, "t", key);
    }

    private async Task UntrackAsync(PresenceEntry entry) =>
        Assert.True(await _harness.Node.UntrackAsync(_sessions[entry.Key], "t", entry.Key));

    private readonly Dictionary<string, PresenceSession> _sessions = [];
}
