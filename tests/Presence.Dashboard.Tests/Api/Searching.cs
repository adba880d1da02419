namespace Presence.Dashboard.Tests.Api;

public sealed class Searching
{
    [Fact]
    public async Task Finds_parts_of_keys_and_metadata_whatever_their_case()
    {
        await using var member = await LiveMember.StartAsync();
        using var tab = await TrackAsync(member, ("Ann", "{}"), ("bob", """{"page":"/Shoes"}"""), ("carl", """{"page":"/"}"""));
        Assert.Equal(["Ann"], await KeysAsync(member, "search=ann"));
        Assert.Equal(["bob"], await KeysAsync(member, "search=/shoes"));
        Assert.Equal([], await KeysAsync(member, "search=nobody"));
        Assert.Equal(["Ann", "bob", "carl"], await KeysAsync(member, ""));
    }

    [Fact]
    public async Task Goes_on_page_by_page_and_ends()
    {
        await using var member = await LiveMember.StartAsync();
        using var tab = await TrackAsync(member, [.. Enumerable.Range(0, 1300).Select(i => ($"{(i % 3 == 0 ? "yes" : "no")}{i:0000}", "{}"))]);
        var found = new List<string>();
        string? after = null;
        var requests = 0;
        do
        {
            var query = $"search=yes&limit=100{(after is null ? "" : $"&after={after}")}";
            var body = await member.Http.GetFromJsonAsync<JsonElement>($"/api/presences?topic=lobby&{query}");
            found.AddRange(Keys(body));
            after = body.GetProperty("next").GetString();
        }
        while (after is not null && ++requests < 20);
        Assert.Equal(434, found.Count);
        Assert.Equal(found.Order(StringComparer.Ordinal), found);
        Assert.Equal(found.Distinct(), found);
    }

    [Fact]
    public async Task Looks_at_no_more_than_it_may_in_one_request()
    {
        await using var member = await LiveMember.StartAsync();
        var count = PresenceSearch.MaxLookedAt + 100;
        using var tab = await TrackAsync(member, [.. Enumerable.Range(0, count).Select(i => ($"{i:000000}", "{}"))]);
        var snapshot = member.Node.Tracker.List("lobby");
        var first = PresenceSearch.Find(snapshot, $"{count - 1:000000}", null, 10);
        Assert.Empty(first.Entries);
        Assert.NotNull(first.Next);
        var second = PresenceSearch.Find(snapshot, $"{count - 1:000000}", first.Next, 10);
        Assert.Single(second.Entries);
        Assert.Null(second.Next);
    }

    [Fact]
    public async Task Names_the_member_that_owns_each_presence()
    {
        var cluster = new EmbeddedCluster();
        await using var one = await LiveMember.StartAsync(cluster, "node-1");
        await using var two = await LiveMember.StartAsync(cluster, "node-2");
        await using var socket = await one.AdminAsync();
        var (_, inbox) = await Inbox.JoinAsync(socket, "presence:lobby", "presence_diff");
        using var far = await TrackAsync(two, ("ann", "{}"));
        await inbox.NextAsync("presence_diff");
        var body = await one.Http.GetFromJsonAsync<JsonElement>("/api/presences?topic=lobby");
        Assert.Equal("node-2", body.GetProperty("presences")[0].GetProperty("nodes")[0].GetString());
    }

    private static async Task<PresenceProcess> TrackAsync(LiveMember member, params (string Key, string Meta)[] presences)
    {
        var tab = member.Node.StartProcess();
        await member.Node.Tracker.TrackManyAsync(
            tab,
            [.. presences.Select(p => new TrackRequest("lobby", p.Key, PresenceMeta.Parse(p.Meta)))]);
        return tab;
    }

    private static async Task<IReadOnlyList<string>> KeysAsync(LiveMember member, string query) =>
        Keys(await member.Http.GetFromJsonAsync<JsonElement>($"/api/presences?topic=lobby&{query}"));

    private static List<string> Keys(JsonElement body) =>
        [.. body.GetProperty("presences").EnumerateArray().Select(p => p.GetProperty("key").GetString()!)];
}
