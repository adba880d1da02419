namespace Presence.Dashboard.Tests.Live;

/// <summary>Tries every frame that might give a client of another socket an admin topic.</summary>
public sealed class AdminAuthorizationTests
{
    private static readonly string[] Topics =
    [
        "admin:greeting", "admin:cluster", "presence:lobby", "presence:admin:greeting",
        "presence:", "admin:*", "presence:*", "*", "greeting", "ADMIN:greeting", " admin:greeting", "admin:greeting ",
        "admin%3Agreeting",
        "greeting\u0000admin:greeting", "phoenix",
    ];

    [Fact]
    public async Task Frames_on_another_socket_cannot_join_admin_topics()
    {
        await using var node = await LiveNode.StartAsync();
        var leaked = new List<string>();
        foreach (var topic in Topics)
        {
            await using var socket = await node.ConnectAsync("/socket");
            var channel = socket.Channel(topic);
            foreach (var name in new[] { "presence_state", "presence_diff", "stats", "history", "cluster" })
            {
                channel.On(name, _ => leaked.Add($"{topic}: {name}"));
            }

            Assert.False((await channel.TryJoinAsync()).IsOk, $"'{topic}' was joined");

            // Pushes without a join, and with the reference of a join of another topic.
            foreach (var name in new[] { "track", "update", "untrack", "count", "presence_state", "phx_reply" })
            {
                Assert.False(
                    await IsOkAsync(() => channel.TryPushAsync(name, new { key = "spy", meta = new { } })),
                    $"{topic} {name}");
            }

            var open = socket.Channel("greeting:hello");
            await open.JoinAsync();
            foreach (var name in new[] { "track", "phx_join", "presence_state" })
            {
                await socket.SendAsync(open.JoinRef, socket.NextRef(), topic, name, new { key = "spy" });
            }

            await socket.SendAsync(open.JoinRef, socket.NextRef(), topic, "phx_join", "{}"u8.ToArray());
            await socket.SendAsync(null, socket.NextRef(), topic, "track", "{}"u8.ToArray());

            // A message to the admins would reach the spy before this answer, if at all.
            using var shopper = node.Node.OpenSession();
            await node.Node.Tracker.TrackAsync(shopper, "admin:greeting", "cart", PresenceMeta.Empty);
            await socket.RequestAsync(null, socket.NextRef(), "phoenix", "heartbeat");
        }

        Assert.Empty(leaked);
        Assert.Empty(node.Node.Tracker.GetByKey("lobby", "spy"));
        Assert.Empty(node.Node.Tracker.GetByKey("admin:greeting", "spy"));
    }

    [Theory]
    [InlineData("?vsn=1.0.0")]
    [InlineData("?token=admin&vsn=2.0.0")]
    [InlineData("?vsn=2.0.0&topic=admin:greeting&path=/admin_socket")]
    public async Task Addresses_of_the_admin_socket_require_a_token(string query)
    {
        await using var node = await LiveNode.StartAsync();
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        var address =
            new UriBuilder(new Uri(node.Http.BaseAddress!, "/admin_socket/websocket" + query)) { Scheme = "ws" }.Uri;
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(address, CancellationToken.None));
        Assert.Equal(403, (int)socket.HttpStatusCode);
    }

    private static async Task<bool> IsOkAsync(Func<Task<PhoenixReply>> push)
    {
        try
        {
            return (await push()).IsOk;
        }
        catch (PhoenixException)
        {
            return false;
        }
    }
}
