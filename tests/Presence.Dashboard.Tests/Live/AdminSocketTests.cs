namespace Presence.Dashboard.Tests.Live;

public sealed class AdminSocketTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("admin")]
    [InlineData("CfDJ8AAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Socket_rejects_clients_without_an_admin_token(string? token)
    {
        await using var node = await LiveNode.StartAsync();
        var refusal = await Assert.ThrowsAsync<PhoenixException>(() => node.ConnectAsync("/admin_socket", token));
        Assert.Contains("403", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Socket_rejects_the_token_of_a_user()
    {
        await using var node = await LiveNode.StartAsync();
        var token = node.Services.GetRequiredService<SocketTokens>().Create(
            "auth_socket", "admin", TimeSpan.FromHours(1));
        await Assert.ThrowsAsync<PhoenixException>(() => node.ConnectAsync("/admin_socket", token));
    }

    [Fact]
    public async Task Socket_rejects_topics_without_a_channel()
    {
        await using var node = await LiveNode.StartAsync();
        await using var socket = await node.AdminAsync();
        foreach (var topic in new[] { "admin:other", "admin:", "lobby", "presence:" })
        {
            Assert.False((await socket.Channel(topic).TryJoinAsync()).IsOk, topic);
        }
    }

    [Fact]
    public async Task Topic_channel_shows_any_topic_and_its_changes()
    {
        await using var node = await LiveNode.StartAsync();
        using var ann = node.Node.OpenSession();
        await node.Node.Tracker.TrackAsync(ann, "lobby", "ann", PresenceMeta.Parse("""{"at":1}"""));
        await using var socket = await node.AdminAsync();
        var (_, inbox) = await Inbox.JoinAsync(socket, "presence:lobby", "presence_state", "presence_diff");
        var state = await inbox.NextAsync("presence_state");
        Assert.Equal(1, state.GetProperty("ann").GetProperty("metas")[0].GetProperty("at").GetInt32());
        ann.End();
        var diff = await inbox.NextAsync("presence_diff");
        Assert.True(diff.GetProperty("leaves").TryGetProperty("ann", out _), diff.ToString());
    }

    [Fact]
    public async Task Topic_channel_tracks_presences_until_its_socket_closes()
    {
        await using var node = await LiveNode.StartAsync();
        await using var watching = await node.AdminAsync();
        var (_, inbox) = await Inbox.JoinAsync(watching, "presence:lobby", "presence_state", "presence_diff");

        // What is tracked before the state is sent is part of it.
        await inbox.NextAsync("presence_state");
        await using var tracking = await node.AdminAsync();
        var channel = tracking.Channel("presence:lobby");
        await channel.JoinAsync(new { show = false });

        var joined = await channel.PushAsync("track", new { key = "bob", meta = new { mood = "fine" } });
        Assert.NotEmpty(joined.GetProperty("phx_ref").GetString()!);
        await inbox.NextAsync("presence_diff", diff => Mood(diff, "bob") == "fine");
        var again = await channel.TryPushAsync("track", new { key = "bob" });
        Assert.False(again.IsOk);
        await channel.PushAsync("update", new { key = "bob", meta = new { mood = "better" } });
        await inbox.NextAsync("presence_diff", diff => Mood(diff, "bob") == "better");
        var count = await channel.PushAsync("count");
        Assert.Equal((1, 1), (count.GetProperty("count").GetInt32(), count.GetProperty("keys").GetInt32()));

        await channel.PushAsync("untrack", new { key = "bob" });
        Assert.False((await channel.TryPushAsync("untrack", new { key = "bob" })).IsOk);
        Assert.False((await channel.TryPushAsync("update", new { key = "bob", meta = new { } })).IsOk);
        await channel.PushAsync("track", new { key = "carl" });
        await inbox.NextAsync("presence_diff", diff => diff.GetProperty("joins").TryGetProperty("carl", out _));
        tracking.Abort();
        await inbox.NextAsync("presence_diff", diff => diff.GetProperty("leaves").TryGetProperty("carl", out _));
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"key":7}""")]
    [InlineData("""{"key":""}""")]
    [InlineData("""{"key":"ann","meta":[1]}""")]
    [InlineData("""[]""")]
    public async Task Topic_channel_explains_invalid_presences(string payload)
    {
        await using var node = await LiveNode.StartAsync();
        await using var socket = await node.AdminAsync();
        var channel = socket.Channel("presence:lobby");
        await channel.JoinAsync();
        var reply = await channel.TryPushAsync("track", JsonSerializer.Deserialize<JsonElement>(payload));
        Assert.False(reply.IsOk);
        Assert.NotEmpty(reply.Response.GetProperty("reason").GetString()!);
        Assert.False(channel.Ended.IsCompleted, "the channel stays open");
    }

    [Fact]
    public async Task Channel_of_the_application_is_joined_by_admins()
    {
        await using var node = await LiveNode.StartAsync();
        await using var socket = await node.AdminAsync();
        Assert.True((await socket.Channel("admin:greeting").TryJoinAsync()).IsOk);
    }

    private static string? Mood(JsonElement diff, string key) =>
        diff.GetProperty("joins").TryGetProperty(key, out var entry)
            && entry.GetProperty("metas")[0].TryGetProperty("mood", out var mood)
            ? mood.GetString()
            : null;
}
