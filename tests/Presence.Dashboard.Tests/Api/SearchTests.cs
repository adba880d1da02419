using Presence.Dashboard.Api;

namespace Presence.Dashboard.Tests.Api;

public sealed class SearchTests
{
    [Fact]
    public async Task Search_finds_parts_of_keys_and_metadata_without_regard_to_case()
    {
        await using var node = await LiveNode.StartAsync();
        using var tab = await TrackAsync(
            node, ("Ann", "{}"), ("bob", """{"page":"/Shoes"}"""), ("carl", """{"page":"/"}"""));
        Assert.Equal(["Ann"], await KeysAsync(node, "search=ann"));
        Assert.Equal(["bob"], await KeysAsync(node, "search=/shoes"));
        Assert.Equal([], await KeysAsync(node, "search=nobody"));
        Assert.Equal(["Ann", "bob", "carl"], await KeysAsync(node, ""));
    }

    [Fact]
    public async Task Search_returns_pages_until_the_last()
    {
        await using var node = await LiveNode.StartAsync();
        using var tab = await TrackAsync(
            node, [.. Enumerable.Range(0, 1300).Select(i => ($"{(i % 3 == 0 ? "yes" : "no")}{i:0000}", "{}"))]);
        var found = new List<string>();
        string? after = null;
        var requests = 0;
        do
        {
            var query = $"search=yes&limit=100{(after is null ? "" : $"&after={after}")}";
            var body = await node.Http.GetFromJsonAsync<JsonElement>($"/api/presences?topic=lobby&{query}");
            found.AddRange(Keys(body));
            after = body.GetProperty("next").GetString();
        }
        while (after is not null && ++requests < 20);
        Assert.Equal(434, found.Count);
        Assert.Equal(found.Order(StringComparer.Ordinal), found);
        Assert.Equal(found.Distinct(), found);
    }

    [Fact]
    public async Task Search_examines_a_limited_number_of_presences_per_request()
    {
        await using var node = await LiveNode.StartAsync();
        var count = PresenceSearch.MaxExamined + 100;
        using var tab = await TrackAsync(node, [.. Enumerable.Range(0, count).Select(i => ($"{i:000000}", "{}"))]);
        var snapshot = node.Node.Tracker.List("lobby");
        var first = PresenceSearch.Find(snapshot, $"{count - 1:000000}", null, 10);
        Assert.Empty(first.Entries);
        Assert.NotNull(first.Next);
        var second = PresenceSearch.Find(snapshot, $"{count - 1:000000}", first.Next, 10);
        Assert.Single(second.Entries);
        Assert.Null(second.Next);
    }

    [Fact]
    public async Task Search_returns_the_node_of_each_presence()
    {
        var cluster = new InMemoryCluster();
        await using var one = await LiveNode.StartAsync(cluster, "node-1");
        await using var two = await LiveNode.StartAsync(cluster, "node-2");
        await using var socket = await one.AdminAsync();
        var (_, inbox) = await Inbox.JoinAsync(socket, "presence:lobby", "presence_state", "presence_diff");

        // What is tracked before the state is sent is part of it.
        await inbox.NextAsync("presence_state");
        using var far = await TrackAsync(two, ("ann", "{}"));
        await inbox.NextAsync("presence_diff");
        var body = await one.Http.GetFromJsonAsync<JsonElement>("/api/presences?topic=lobby");
        Assert.Equal("node-2", body.GetProperty("presences")[0].GetProperty("nodes")[0].GetString());
    }

    private static async Task<PresenceSession> TrackAsync(LiveNode node, params (string Key, string Meta)[] presences)
    {
        var tab = node.Node.OpenSession();
        await node.Node.Tracker.TrackManyAsync(
            tab, [.. presences.Select(p => new TrackRequest("lobby", p.Key, PresenceMeta.Parse(p.Meta)))]);
        return tab;
    }

    private static async Task<IReadOnlyList<string>> KeysAsync(LiveNode node, string query) =>
        Keys(await node.Http.GetFromJsonAsync<JsonElement>($"/api/presences?topic=lobby&{query}"));

    private static List<string> Keys(JsonElement body) =>
        [.. body.GetProperty("presences").EnumerateArray().Select(p => p.GetProperty("key").GetString()!)];
}
