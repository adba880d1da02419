using Presence.CommandLine;

namespace Presence.EndToEnd.Tests.Shop;

/// <summary>The shop's channels from outside, through a WebSocket.</summary>
[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class Shopping_over_sockets(ThreeSilos members)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Two_tabs_of_a_cart_on_two_members_stay_in_step()
    {
        var id = NewId();
        await using var one = await ConnectAsync(0);
        await using var two = await ConnectAsync(1);
        var first = one.Channel("cart:" + id);
        var second = two.Channel("cart:" + id);
        var shown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        second.On("cart", cart =>
        {
            if (Joined(cart) == "1")
            {
                shown.TrySetResult();
            }
        });
        await first.JoinAsync(new { page = "/" });
        await second.JoinAsync(new { page = "/checkout" });
        Assert.Equal("1", Joined(await first.PushAsync("add_item", new { item_id = 1 })));
        await shown.Task.WaitAsync(Patience);
        Assert.Equal("1,2", Joined(await second.PushAsync("add_item", new { item_id = "2" })));
    }

    [Fact]
    public async Task A_cart_that_the_browser_kept_comes_back_and_a_forged_one_does_not()
    {
        var id = NewId();
        string serialized;
        await using (var socket = await ConnectAsync(0))
        {
            var cart = socket.Channel("cart:" + id);
            await cart.JoinAsync();
            serialized = (await cart.PushAsync("add_item", new { item_id = 3 })).GetProperty("serialized").GetString()!;
        }

        Assert.Equal("3", await ShownAsync(1, id, serialized));
        Assert.Equal("", await ShownAsync(1, id, serialized[..^4] + "AAAA"));
        Assert.Equal("", await ShownAsync(1, NewId(), serialized));
    }

    [Theory]
    [InlineData("cart:short")]
    [InlineData("cart:")]
    [InlineData("product:0")]
    [InlineData("product:7")]
    [InlineData("product:one")]
    public async Task What_is_not_there_cannot_be_joined(string topic)
    {
        await using var socket = await ConnectAsync(0);
        var reply = await socket.Channel(topic).TryJoinAsync();
        Assert.False(reply.IsOk);
        Assert.NotEmpty(reply.Response.GetProperty("reason").GetString()!);
    }

    [Theory]
    [InlineData("add_item", """{}""")]
    [InlineData("add_item", """{"item_id":0}""")]
    [InlineData("add_item", """{"item_id":-1}""")]
    [InlineData("add_item", """{"item_id":1.5}""")]
    [InlineData("remove_item", """[1]""")]
    [InlineData("cart_state", """{"cart":"1:1:1:1"}""")]
    [InlineData("checkout", """{}""")]
    public async Task What_cannot_be_done_is_explained_and_ends_nothing(string name, string payload)
    {
        await using var socket = await ConnectAsync(0);
        var cart = socket.Channel("cart:" + NewId());
        await cart.JoinAsync();
        var reply = await cart.TryPushAsync(name, JsonSerializer.Deserialize<JsonElement>(payload));
        Assert.False(reply.IsOk);
        Assert.NotEmpty(reply.Response.GetProperty("reason").GetString()!);
        Assert.True((await cart.TryPushAsync("add_item", new { item_id = 1 })).IsOk);
    }

    [Fact]
    public async Task No_shopper_hears_of_another_or_reaches_a_topic_of_the_admins()
    {
        var heard = new List<string>();
        await using var spy = await ConnectAsync(0);
        var own = spy.Channel("cart:" + NewId());
        foreach (var name in new[] { "presence_state", "presence_diff", "stats", "cluster", "history" })
        {
            own.On(name, _ => heard.Add(name));
        }

        await own.JoinAsync();
        string[] topics =
        [
            "admin:cart_tracker", "admin:stats", "admin:live", "admin:cluster", "presence:admin:cart_tracker", "presence:lobby", "shop:sold",
            "cart:" + "admin:cart_tracker".PadRight(64),
        ];
        foreach (var topic in topics)
        {
            var channel = spy.Channel(topic);
            channel.On("presence_state", _ => heard.Add(topic)).On("presence_diff", _ => heard.Add(topic)).On("stats", _ => heard.Add(topic));
            Assert.Equal(topic.StartsWith("cart:", StringComparison.Ordinal), (await channel.TryJoinAsync()).IsOk);
            foreach (var name in new[] { "track", "phx_join", "presence_state", "stats" })
            {
                await spy.SendAsync(own.JoinRef, spy.NextRef(), topic, name, new { key = "spy" });
                await spy.SendAsync(own.JoinRef, spy.NextRef(), topic, name, "{}"u8.ToArray());
            }
        }

        // Another shopper comes and changes: whatever leaked would be here before the answer to the spy's own push.
        await using var other = await ConnectAsync(0);
        var cart = other.Channel("cart:" + NewId());
        await cart.JoinAsync();
        await cart.PushAsync("add_item", new { item_id = 1 });
        await own.PushAsync("add_item", new { item_id = 2 });
        Assert.Empty(heard);
    }

    [Fact]
    public async Task A_crowd_agrees_with_what_every_member_shows()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var status = await ClientProgram.RunAsync(
            [
                "shoppers", "--count", "200", "--ramp", "200/s", "--seconds", "4", "--url", string.Join(',', members.Members),
                "--password", SiloProcess.Password,
            ],
            new ClientConsole(output, TextWriter.Synchronized(error)),
            CancellationToken.None);
        Assert.True(status == 0, $"{output}\n{error}");
        foreach (var row in new[] { "connected", "joined", "failed", "latency p50/p95/p99", "messages", "disagreed              0" })
        {
            Assert.Contains(row, output.ToString(), StringComparison.Ordinal);
        }
    }

    private async Task<string> ShownAsync(int member, string id, string serialized)
    {
        await using var socket = await ConnectAsync(member);
        var shown = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        await socket.Channel("cart:" + id).On("cart", cart => shown.TrySetResult(cart)).JoinAsync(new { serialized });
        return Joined(await shown.Task.WaitAsync(Patience));
    }

    private Task<PhoenixSocket> ConnectAsync(int member) =>
        PhoenixSocket.ConnectAsync(new Uri(new Uri(members.Members[member]), "/socket"));

    private static string NewId() => $"{Guid.NewGuid():n}{Guid.NewGuid():n}";

    private static string Joined(JsonElement cart) =>
        string.Join(',', cart.GetProperty("items").EnumerateArray().Select(item => item.GetInt32()));
}
