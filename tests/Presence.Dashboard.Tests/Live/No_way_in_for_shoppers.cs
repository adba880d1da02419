namespace Presence.Dashboard.Tests.Live;

/// <summary>A shopper's socket, and every frame that might open an admin's topic to it.</summary>
public sealed class No_way_in_for_shoppers
{
    private static readonly string[] Topics =
    [
        "admin:cart_tracker", "admin:stats", "admin:live", "admin:cluster", "presence:lobby", "presence:admin:cart_tracker",
        "presence:", "admin:*", "presence:*", "*", "greeting", "ADMIN:stats", " admin:stats", "admin:stats ", "admin%3Astats",
        "greeting\u0000admin:stats", "phoenix",
    ];

    [Fact]
    public async Task No_frame_on_an_open_socket_joins_or_hears_a_topic_of_the_admins()
    {
        await using var member = await LiveMember.StartAsync();
        var leaked = new List<string>();
        foreach (var topic in Topics)
        {
            await using var socket = await member.ConnectAsync("/socket");
            var channel = socket.Channel(topic);
            foreach (var name in new[] { "presence_state", "presence_diff", "stats", "history", "cluster" })
            {
                channel.On(name, _ => leaked.Add($"{topic}: {name}"));
            }

            Assert.False((await channel.TryJoinAsync()).IsOk, $"'{topic}' was joined");

            // Pushes without a join, and under the reference of a join to something else.
            foreach (var name in new[] { "track", "update", "untrack", "count", "presence_state", "phx_reply" })
            {
                Assert.False(await IsOkAsync(() => channel.TryPushAsync(name, new { key = "spy", meta = new { } })), $"{topic} {name}");
            }

            var open = socket.Channel("greeting:hello");
            await open.JoinAsync();
            foreach (var name in new[] { "track", "phx_join", "presence_state" })
            {
                await socket.SendAsync(open.JoinRef, socket.NextRef(), topic, name, new { key = "spy" });
            }

            await socket.SendAsync(open.JoinRef, socket.NextRef(), topic, "phx_join", "{}"u8.ToArray());
            await socket.SendAsync(null, socket.NextRef(), topic, "track", "{}"u8.ToArray());

            // Whatever the admins are told now would reach the spy before this answer, if it reached it at all.
            using var shopper = member.Node.StartProcess();
            await member.Node.Tracker.TrackAsync(shopper, "admin:cart_tracker", "cart", PresenceMeta.Empty);
            await socket.AskAsync(null, socket.NextRef(), "phoenix", "heartbeat");
        }

        Assert.Empty(leaked);
        Assert.Empty(member.Node.Tracker.GetByKey("lobby", "spy"));
        Assert.Empty(member.Node.Tracker.GetByKey("admin:cart_tracker", "spy"));
    }

    [Theory]
    [InlineData("?vsn=1.0.0")]
    [InlineData("?token=admin&vsn=2.0.0")]
    [InlineData("?vsn=2.0.0&topic=admin:stats&path=/admin_socket")]
    public async Task No_address_leads_around_the_door(string query)
    {
        await using var member = await LiveMember.StartAsync();
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        var address = new UriBuilder(new Uri(member.Http.BaseAddress!, "/admin_socket/websocket" + query)) { Scheme = "ws" }.Uri;
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
