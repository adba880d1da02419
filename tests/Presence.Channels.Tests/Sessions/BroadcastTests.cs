using Presence.Channels.Runtime;
using Presence.Channels.Transport;
using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Sessions;

public sealed class BroadcastTests : IDisposable
{
    private readonly Harness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task Broadcast_reaches_all_clients_of_the_topic_and_no_others()
    {
        var (one, two, other) = (_harness.Connect(), _harness.Connect(), _harness.Connect());
        await one.JoinAsync("echo:a");
        await two.JoinAsync("echo:a");
        await other.JoinAsync("echo:b");
        await one.ExpectAsync(
            """["1","2","echo:a","all",{"n":1}]""",
            """[null,null,"echo:a","news",{"n":1}]""",
            """["1","2","echo:a","phx_reply",{"status":"ok","response":{}}]""");
        Assert.Equal("""[null,null,"echo:a","news",{"n":1}]""", await two.NextAsync());
        await other.ExpectNothingAsync();
    }

    [Fact]
    public async Task A_broadcast_from_a_channel_skips_it()
    {
        var (one, two) = (await JoinedAsync(), await JoinedAsync());
        await one.OkAsync("""["1","2","echo:a","others",{}]""");
        Assert.Equal("""[null,null,"echo:a","news",{}]""", await two.NextAsync());
        await one.ExpectNothingAsync();
    }

    [Fact]
    public async Task A_broadcast_is_encoded_once_for_all_sockets()
    {
        var (one, two) = (await JoinedAsync(), await JoinedAsync());
        _harness.Server.Broadcaster.Broadcast("echo:a", "news", ChannelPayload.From(new { n = 1 }));
        Assert.Same(await one.NextFrameAsync(), await two.NextFrameAsync());
    }

    [Fact]
    public async Task A_broadcast_allocates_no_more_than_a_queue_slot_for_each_socket()
    {
        const int Sockets = 1000;
        const int Slot = 24;
        for (var i = 0; i < Sockets; i++)
        {
            var transport = new WebSocketTransport(_harness.Server, new StubWebSocket(), null);
            var connection = new SocketConnection(
                _harness.Server, new OpenSocket(null), _harness.Routes, FrameSerializers.Find("2.0.0")!, transport);
            await connection.ReceiveAsync("""["1","1","echo:a","phx_join",{}]"""u8.ToArray(), binary: false);
        }

        var payload = ChannelPayload.From(new { text = new string('x', 1000) });
        var least = AllocatedBytes.Fewest(() => AllocatedBytes.Of(
            () => _harness.Server.Broadcaster.Broadcast("echo:a", "news", payload)));

        // The message, encoded once, with its frame objects.
        Assert.InRange(least, 1000, 4000 + (Slot * Sockets));
    }

    [Fact]
    public async Task An_intercepted_broadcast_passes_through_the_channel()
    {
        var client = await JoinedAsync();
        _harness.Server.Broadcaster.Broadcast("echo:a", "stamped", ChannelPayload.From(new { n = 1 }));
        Assert.Equal("""["1",null,"echo:a","stamped",{"stamp":"stub"}]""", await client.NextAsync());
    }

    [Fact]
    public async Task Client_that_left_gets_no_messages_and_the_last_one_ends_the_subscription()
    {
        var (one, two) = (await JoinedAsync(), await JoinedAsync());
        Assert.Equal(1, _harness.Node.Subscribers);
        await one.SendAsync("""["1","2","echo:a","phx_leave",{}]""");
        await one.NextAsync();
        await one.NextAsync();
        _harness.Server.Broadcaster.Broadcast("echo:a", "news");
        Assert.Equal("""[null,null,"echo:a","news",{}]""", await two.NextAsync());
        await one.ExpectNothingAsync();
        await two.SendAsync("""["1","2","echo:a","phx_leave",{}]""");
        await two.NextAsync();
        Assert.Equal(0, _harness.Node.Subscribers);
        Assert.Equal(0, _harness.Counted("presence.channels"));
    }

    [Fact]
    public async Task Binary_broadcasts_are_sent_in_binary_frames()
    {
        var client = await JoinedAsync();
        _harness.Server.Broadcaster.Broadcast("echo:a", "b", ChannelPayload.Binary(new byte[] { 7 }));
        Assert.Equal([2, 6, 1, .. "echo:ab"u8, 7], (await client.NextFrameAsync()).Head.ToArray());
    }

    [Theory]
    [InlineData("phx_close")]
    [InlineData("")]
    public void Events_of_the_protocol_cannot_be_broadcast(string name) =>
        Assert.Throws<ArgumentException>(() => _harness.Server.Broadcaster.Broadcast("t", name));

    [Fact]
    public void A_disconnect_closes_the_sockets_of_that_id()
    {
        var (ann, bob) = (_harness.Connect(id: "user:ann"), _harness.Connect(id: "user:bob"));
        _harness.Server.Broadcaster.Disconnect("user:ann");
        Assert.Equal(1001, ann.CloseCode);
        Assert.Null(bob.CloseCode);
    }

    private async Task<TestClient> JoinedAsync()
    {
        var client = _harness.Connect();
        await client.JoinAsync("echo:a");
        return client;
    }
}
