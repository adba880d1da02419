namespace Presence.Dashboard.Tests.Api;

/// <summary>Counts-only topics in the dashboard.</summary>
public sealed class CountsOnlyTests
{
    [Fact]
    public async Task Counts_and_pages_are_shown_and_what_needs_a_list_is_a_conflict()
    {
        await using var node = await StartAsync();
        using var session = node.Node.OpenSession();
        await node.Node.Tracker.TrackAsync(session, "live:1", "ann");
        await node.Node.Tracker.TrackAsync(session, "lobby", "ann");
        await AnswersAsync("/api/topic?topic=live:1", """{"topic":"live:1","count":1,"keys":1}""");
        await AnswersAsync("/api/keys", """{"keys":1,"examined":1,"complete":false}""");
        await AnswersAsync("/api/key?key=ann", """{"key":"ann","topics":["lobby"]}""");
        Assert.Contains("live:1", await node.Http.GetStringAsync("/api/topics"), StringComparison.Ordinal);
        var page = await node.Http.GetFromJsonAsync<JsonElement>("/api/presences?topic=live:1");
        Assert.Equal("ann", page.GetProperty("presences")[0].GetProperty("key").GetString());
        foreach (var query in (string[])["presences?key=ann&", "presences?search=a&", "counts?field=a&"])
        {
            using var response = await node.Http.GetAsync($"/api/{query}topic=live:1");
            Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
            Assert.Contains(
                "is counts-only", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        async Task AnswersAsync(string path, string body) => Assert.Equal(body, await node.Http.GetStringAsync(path));
    }

    [Fact]
    public async Task Channel_of_a_counts_only_topic_pushes_counts()
    {
        await using var node = await StartAsync();
        using var session = node.Node.OpenSession();
        await node.Node.Tracker.TrackAsync(session, "live:1", "ann");
        await using var socket = await node.AdminAsync();
        var (_, inbox) = await Inbox.JoinAsync(socket, "presence:live:1", "presence_mode", "presence_counts");
        await inbox.NextAsync("presence_mode");
        await inbox.NextAsync("presence_counts");
    }

    private static Task<LiveNode> StartAsync() =>
        LiveNode.StartAsync(configure: presence => presence.Tracker.AddCountsOnly("live:*"));
}
