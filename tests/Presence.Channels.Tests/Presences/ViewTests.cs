using System.Net.WebSockets;
using Presence.Channels.Tests.Transport;

namespace Presence.Channels.Tests.Presences;

/// <summary>Clients that ask for a part of the presences.</summary>
public sealed class ViewTests : IAsyncLifetime
{
    private WebHost _host = null!;
    private PresenceSession _session = null!;

    private IPresenceNode Node => _host.Services.GetRequiredService<IPresenceNode>();

    public async Task InitializeAsync()
    {
        _host = await WebHost.StartAsync(
            "n1",
            null,
            builder => builder.Services.Configure<PresenceOptions>(options =>
            {
                options.Tracker.AddIndex("t", "/status");
                options.Tracker.MaxViewsPerTopic = 2;
            }),
            limits => limits.DiffInterval = TimeSpan.Zero);
        _session = Node.OpenSession();
    }

    public Task DisposeAsync() => _host.DisposeAsync().AsTask();

    [Fact]
    public async Task Client_receives_its_part_and_what_moves_in_or_out_of_view_apart_from_joins_and_leaves()
    {
        await TrackAsync("a");
        await TrackAsync("c");
        await TrackAsync("d");
        using var client = await JoinAsync("""{"view":{"first":2}}""");
        Assert.Equal("state: a c", await NextAsync(client));
        await TrackAsync("b");
        Assert.Equal("diff: joins b, leaves ", await NextAsync(client));
        Assert.Equal("diff: joins , leaves c, reason out_of_view", await NextAsync(client));
        await Node.Tracker.UntrackAsync(_session, "t", "a");
        Assert.Equal("diff: joins , leaves a", await NextAsync(client));
        Assert.Equal("diff: joins c, leaves , reason out_of_view", await NextAsync(client));
        await TrackAsync("e");
        await Node.Tracker.UntrackAsync(_session, "t", "d");
        await TrackAsync("a");
        Assert.Equal("diff: joins a, leaves ", await NextAsync(client));
    }

    [Fact]
    public async Task Client_changes_its_view_and_gets_the_state_of_the_new_one()
    {
        await TrackAsync("ann", "busy");
        await TrackAsync("bob", "free");
        using var client = await JoinAsync("""{"view":{"where":{"/status":"busy"}}}""");
        Assert.Equal("state: ann", await NextAsync(client));
        await client.SendAsync("""["1","2","watch:t","presence_view",{"view":{"prefix":"b"}}]""");
        Assert.Equal("ok {}", await NextAsync(client));
        Assert.Equal("state: bob", await NextAsync(client));
        await TrackAsync("cid", "busy");
        await client.SendAsync("""["1","3","watch:t","presence_view",{"view":{"where":{"/room":"1"}}}]""");
        Assert.Equal(
            """error {"reason":"The field '/room' is not declared for this topic: declare it with AddIndex."}""",
            await NextAsync(client));
        await TrackAsync("ben");
        Assert.Equal("diff: joins ben, leaves ", await NextAsync(client));
        await client.SendAsync("""["1","4","watch:t","presence_view",{}]""");
        Assert.Equal("ok {}", await NextAsync(client));
        Assert.Equal("state: ann ben bob cid", await NextAsync(client));
    }

    [Fact]
    public async Task View_that_finds_no_room_is_rejected_and_the_former_one_stays()
    {
        await TrackAsync("ann");
        using var first = await JoinAsync("""{"view":{"prefix":"a"}}""");
        using var second = await JoinAsync("""{"view":{"prefix":"b"}}""");
        Assert.Equal("state: ann", await NextAsync(first));
        Assert.Equal("state: ", await NextAsync(second));
        using var third = await JoinAsync("""{"view":{"prefix":"c"}}""");
        Assert.Contains("MaxViewsPerTopic", await NextAsync(third), StringComparison.Ordinal);

        // The one view that the client gives up makes room.
        await first.SendAsync("""["1","2","watch:t","presence_view",{"view":{"prefix":"an"}}]""");
        Assert.Equal("ok {}", await NextAsync(first));
        Assert.Equal("state: ann", await NextAsync(first));
        using var shared = await JoinAsync("""{"view":{"prefix":"an"}}""");
        Assert.Equal("state: ann", await NextAsync(shared));
        await shared.SendAsync("""["1","2","watch:t","presence_view",{"view":{"prefix":"z"}}]""");
        Assert.StartsWith("error", await NextAsync(shared), StringComparison.Ordinal);
        Assert.Equal("state: ann", await NextAsync(shared));
        await TrackAsync("ana");
        Assert.Equal("diff: joins ana, leaves ", await NextAsync(shared));
    }

    [Theory]
    [InlineData("""{"view":5}""", "A view is a JSON object with first, prefix and where.")]
    [InlineData("""{"view":{"first":0}}""", "first must be 1 to 1000.")]
    [InlineData("""{"view":{"last":5}}""", "A view has no other members than first, prefix and where.")]
    [InlineData(
        """{"view":{"where":{"/room":"1"}}}""",
        "The field '/room' is not declared for this topic: declare it with AddIndex.")]
    public async Task Join_with_a_view_that_cannot_be_used_is_rejected(string payload, string reason)
    {
        using var client = await _host.ConnectAsync("/open/websocket?vsn=2.0.0");
        await client.SendAsync($"""["1","1","watch:t","phx_join",{payload}]""");
        Assert.Equal($$"""error {"reason":"{{reason}}"}""", await NextAsync(client));
    }

    private async Task<ClientWebSocket> JoinAsync(string payload)
    {
        var client = await _host.ConnectAsync("/open/websocket?vsn=2.0.0");
        await client.SendAsync($"""["1","1","watch:t","phx_join",{payload}]""");
        Assert.Equal("ok {}", await NextAsync(client));
        return client;
    }

    private async Task TrackAsync(string key, string status = "free") =>
        await Node.Tracker.TrackAsync(_session, "t", key, PresenceMeta.From(new { status }));

    /// <summary>Returns the next frame in short.</summary>
    private static async Task<string> NextAsync(ClientWebSocket client)
    {
        var frame = JsonDocument.Parse(await client.NextAsync()).RootElement;
        var payload = frame[4];
        return frame[3].GetString() switch
        {
            "phx_reply" => $"{payload.GetProperty("status")} {payload.GetProperty("response").GetRawText()
                .Replace("\\u0027", "'", StringComparison.Ordinal)}",
            "presence_state" => $"state: {Keys(payload)}",
            "presence_diff" => $"diff: joins {Keys(payload.GetProperty("joins"))}, leaves "
                + Keys(payload.GetProperty("leaves"))
                + (payload.TryGetProperty("reason", out var reason) ? $", reason {reason}" : ""),
            var other => $"{other} {payload.GetRawText()}",
        };
    }

    private static string Keys(JsonElement byKey) =>
        string.Join(' ', byKey.EnumerateObject().Select(key => key.Name).Order(StringComparer.Ordinal));
}
