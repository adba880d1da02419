using Presence.Samples.Playground;
namespace Presence.Samples.Tests.Playground;

public sealed class PingChannelTests : PlaygroundCase
{
    [Fact]
    public async Task A_ping_is_answered_with_a_pong_and_nothing_else()
    {
        var channel = await JoinedAsync("ping");
        await channel.Push("ping").AssertReplyAsync("ok", new { ping = "pong" });
        await channel.RefutePushAsync();
    }

    [Fact]
    public async Task A_binary_payload_comes_back_as_it_was()
    {
        var channel = await JoinedAsync("ping");
        await channel.Push("binary", new byte[] { 0, 1, 254, 255 })
            .AssertReplyAsync("ok", new byte[] { 0, 1, 254, 255 });
    }

    [Fact]
    public async Task Noreply_is_never_answered()
    {
        var channel = await JoinedAsync("ping");
        var push = channel.Push("noreply");
        await Server.AdvanceAsync(TimeSpan.FromHours(1));
        await push.RefuteReplyAsync();
    }

    [Fact]
    public async Task Crash_ends_the_channel_for_the_client_to_join_again_and_leaves_the_socket()
    {
        var socket = await AnybodyAsync();
        var channel = await socket.SubscribeAndJoinAsync("ping");
        var wild = await socket.SubscribeAndJoinAsync("wild:2:4");
        channel.Push("crash");
        Assert.IsType<InvalidOperationException>(await channel.AssertFailedAsync());
        Assert.Equal(TestChannelState.Joined, wild.State);
        var again = await socket.SubscribeAndJoinAsync("ping");
        await again.Push("ping").AssertReplyAsync("ok");
    }

    [Fact]
    public async Task Stop_ends_the_channel_for_good()
    {
        var channel = await JoinedAsync("ping");
        channel.Push("stop");
        await channel.AssertClosedAsync();
    }

    [Fact]
    public async Task A_request_to_ping_says_which_node_it_came_through()
    {
        var channel = await JoinedAsync("ping");
        Server.Broadcaster.Broadcast("ping", "request_ping", new { why = "test" });
        await channel.AssertBroadcastAsync("request_ping", new { why = "test" });
        await channel.AssertPushAsync("request_ping", new { why = "test", from_node = "test" });
    }
}
