using Presence.CommandLine;

namespace Presence.EndToEnd.Tests.Shop;

/// <summary>The shop's channels from outside, through a WebSocket.</summary>
[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class ShopSocketTests(ThreeSilos nodes)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Two_tabs_of_a_cart_on_two_nodes_show_the_same()
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
        await shown.Task.WaitAsync(Timeout);
        Assert.Equal("1,2", Joined(await second.PushAsync("add_item", new { item_id = "2" })));
    }

    [Fact]
    public async Task Stored_cart_is_restored_and_a_forged_one_is_not()
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
    public async Task Unknown_topic_cannot_be_joined(string topic)
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
    public async Task Invalid_push_is_explained_and_the_channel_stays_open(string name, string payload)
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
    public async Task Shopper_gets_no_messages_of_others_and_no_admin_topic()
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
            "admin:cart_tracker", "admin:stats", "admin:live", "admin:cluster", "presence:admin:cart_tracker",
            "presence:lobby", "shop:sold",
            "cart:" + "admin:cart_tracker".PadRight(64),
        ];
        foreach (var topic in topics)
        {
            var channel = spy.Channel(topic);
            channel.On("presence_state", _ => heard.Add(topic)).On("presence_diff", _ => heard.Add(topic)).On(
                "stats", _ => heard.Add(topic));
            Assert.Equal(topic.StartsWith("cart:", StringComparison.Ordinal), (await channel.TryJoinAsync()).IsOk);
            foreach (var name in new[] { "track", "phx_join", "presence_state", "stats" })
            {
                await spy.SendAsync(own.JoinRef, spy.NextRef(), topic, name, new { key = "spy" });
                await spy.SendAsync(own.JoinRef, spy.NextRef(), topic, name, "{}"u8.ToArray());
            }
        }

        // Messages of another shopper would arrive before the answer to the spy's push.
        await using var other = await ConnectAsync(0);
        var cart = other.Channel("cart:" + NewId());
        await cart.JoinAsync();
        await cart.PushAsync("add_item", new { item_id = 1 });
        await own.PushAsync("add_item", new { item_id = 2 });
        Assert.Empty(heard);
    }

    [Fact]
    public async Task Simulated_shoppers_agree_with_every_node()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var status = await ClientProgram.RunAsync(
            [
                "shoppers", "--count", "200", "--ramp", "200/s", "--seconds", "4", "--url", string.Join(
                    ',', nodes.Nodes),
                "--password", SiloProcess.Password,
            ],
            new ClientConsole(output, TextWriter.Synchronized(error)),
            CancellationToken.None);
        Assert.True(status == 0, $"{output}\n{error}");
        const string Agreed = "disagreed              0";
        foreach (var row in new[] { "connected", "joined", "failed", "latency p50/p95/p99", "messages", Agreed })
        {
            Assert.Contains(row, output.ToString(), StringComparison.Ordinal);
        }
    }

    private async Task<string> ShownAsync(int node, string id, string serialized)
    {
        await using var socket = await ConnectAsync(node);
        var shown = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        await socket.Channel("cart:" + id).On("cart", cart => shown.TrySetResult(cart)).JoinAsync(new { serialized });
        return Joined(await shown.Task.WaitAsync(Timeout));
    }

    private Task<PhoenixSocket> ConnectAsync(int node) =>
        PhoenixSocket.ConnectAsync(new Uri(new Uri(nodes.Nodes[node]), "/socket"));

    private static string NewId() => $"{Guid.NewGuid():n}{Guid.NewGuid():n}";

    private static string Joined(JsonElement cart) =>
        string.Join(',', cart.GetProperty("items").EnumerateArray().Select(item => item.GetInt32()));
}
