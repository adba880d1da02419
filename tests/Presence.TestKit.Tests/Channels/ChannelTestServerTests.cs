using Microsoft.Extensions.DependencyInjection;

namespace Presence.TestKit.Tests.Channels;

public sealed class ChannelTestServerTests : IAsyncLifetime
{
    private ChannelTestServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ChannelTestServer.StartAsync(services => services.AddChannels(channels => channels
            .Socket<AnySocket>(routes => routes.Channel<ObedientChannel>("obey:*"))));
        _server.Timeout = TimeSpan.FromSeconds(1);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Timers_that_a_channel_restarts_fire_within_one_advance_each_at_its_time()
    {
        var channel = await JoinedAsync();
        var start = _server.Clock.GetUtcNow().ToUnixTimeSeconds();
        await channel.Push("tick").AssertReplyAsync("ok");
        await _server.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(
            Enumerable.Range(1, 60).Select(second => $$"""{"at":{{start + second}}}"""),
            channel.Received.Select(message => message.Payload.ToString()));
    }

    [Fact]
    public async Task Reply_may_arrive_later()
    {
        var push = (await JoinedAsync()).Push("later");
        await push.RefuteReplyAsync();
        await _server.AdvanceAsync(TimeSpan.FromSeconds(5));
        await push.AssertReplyAsync("ok");
    }

    [Fact]
    public async Task Assertions_see_all_consequences_of_a_push()
    {
        // All handlers complete here, so that nothing waits for the timeout, even on a busy machine.
        _server.Timeout = TimeSpan.FromSeconds(30);
        var channels = new List<TestChannel>();
        for (var i = 0; i < 3; i++)
        {
            channels.Add(await JoinedAsync());
        }

        // 3 + 9 + ... + 3^6 messages through mailboxes, of which only the last generation is visible.
        channels[0].Push("relay", new { left = 5 });
        await _server.SettleAsync();
        Assert.Equal(3 * (int)Math.Pow(3, 5), channels.Sum(channel => channel.Received.Count));
    }

    [Fact]
    public async Task Assertion_waits_for_work_outside_of_channels()
    {
        _server.Timeout = TimeSpan.FromSeconds(20);
        var channel = await JoinedAsync();
        await channel.Push("work").AssertReplyAsync("ok");
        await channel.RefutePushAsync();
        var seen = channel.AssertPushAsync("info", new { message = "worked" });
        channel.As<ObedientChannel>().Release();
        await seen;
    }

    [Fact]
    public async Task Channel_that_waits_on_time_does_not_block_the_clock()
    {
        var push = (await JoinedAsync()).Push("wait");
        await push.RefuteReplyAsync();
        await _server.AdvanceAsync(TimeSpan.FromSeconds(3));
        await push.AssertReplyAsync("ok");
    }

    [Fact]
    public async Task Join_that_waits_on_time_is_answered_when_the_clock_reaches_it()
    {
        var socket = await _server.ConnectAsync<AnySocket>();
        var joining = socket.SubscribeAndJoinAsync("obey:slow");
        Assert.False(joining.IsCompleted);
        await _server.AdvanceAsync(TimeSpan.FromSeconds(3));
        Assert.Equal(TestChannelState.Joined, (await joining).State);
    }

    [Fact]
    public async Task Failed_assertion_lists_what_was_received()
    {
        var channel = await JoinedAsync();
        channel.BroadcastFrom("news", new { n = 1 });
        var wrong = await Assert.ThrowsAsync<ChannelTestException>(
            () => channel.AssertPushAsync("news", new { n = 2 }));
        Assert.Contains("""Expected news {"n":2} to be pushed on obey:1; there was""", wrong.Message,
            StringComparison.Ordinal);
        Assert.Contains("""news {"n":1}""", wrong.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ChannelTestException>(() => channel.RefutePushAsync("news"));
        await Assert.ThrowsAsync<ChannelTestException>(() => channel.RefutePushAsync());
        await channel.RefutePushAsync("news", new { n = 2 });
        await channel.AssertPushAsync("news", new { n = 1 });
        await channel.RefutePushAsync();
    }

    [Fact]
    public async Task Broadcast_from_the_test_reaches_the_client_but_not_the_assertions_of_its_channel()
    {
        var channel = await JoinedAsync();
        channel.BroadcastFrom("news");
        await channel.RefuteBroadcastAsync();
        await channel.AssertPushAsync("news", new { });
        _server.Broadcaster.Broadcast("obey:1", "more");
        await channel.AssertBroadcastAsync("more");
    }

    [Fact]
    public async Task Wrong_answer_and_a_missing_one_fail_the_assertion()
    {
        var channel = await JoinedAsync();
        await Assert.ThrowsAsync<ChannelTestException>(() => channel.Push("tick").AssertReplyAsync("error"));
        await Assert.ThrowsAsync<ChannelTestException>(
            () => channel.Push("tick").AssertReplyAsync("ok", new { more = true }));
        await Assert.ThrowsAsync<ChannelTestException>(() => channel.Push("tick").RefuteReplyAsync());
        var missing = await Assert.ThrowsAsync<ChannelTestException>(
            () => channel.Push("crash").AssertReplyAsync("ok"));
        Assert.Contains("not answered", missing.Message, StringComparison.Ordinal);
        Assert.Contains("as asked", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Failure_is_asserted_with_its_exception_and_a_normal_end_is_no_failure()
    {
        var crashing = await JoinedAsync();
        crashing.Push("crash");
        Assert.Equal("as asked", (await crashing.AssertFailedAsync())!.Message);
        Assert.Equal(TerminationReason.Failed, crashing.As<ObedientChannel>().End!.Value.Kind);
        await Assert.ThrowsAsync<ChannelTestException>(crashing.AssertClosedAsync);
        var leaving = await JoinedAsync();
        await leaving.LeaveAsync();
        Assert.Equal(TerminationReason.Left, leaving.As<ObedientChannel>().End!.Value.Kind);
        await Assert.ThrowsAsync<ChannelTestException>(leaving.AssertFailedAsync);
    }

    [Fact]
    public async Task Dropped_connection_ends_its_channels()
    {
        var channel = await JoinedAsync();
        await channel.Socket.DropAsync();
        Assert.Equal(TerminationReason.SocketClosed, channel.As<ObedientChannel>().End!.Value.Kind);
        Assert.Equal(TestChannelState.Errored, channel.State);
        Assert.Throws<ChannelTestException>(() => channel.Push("tick"));
    }

    [Fact]
    public async Task Server_closes_a_connection_with_a_code()
    {
        var channel = await JoinedAsync();
        _server.Broadcaster.Disconnect("any");
        await channel.Socket.AssertClosedAsync(1001);
        await Assert.ThrowsAsync<ChannelTestException>(() => channel.Socket.AssertClosedAsync(1000));
        Assert.Equal(TerminationReason.SocketClosed, channel.As<ObedientChannel>().End!.Value.Kind);
    }

    [Fact]
    public async Task Rejection_is_an_exception_only_if_the_test_did_not_ask_for_it()
    {
        Assert.Null(await _server.TryConnectAsync<AnySocket>(new { crash = true }));
        var refused = await Assert.ThrowsAsync<ChannelTestException>(
            () => _server.ConnectAsync<AnySocket>(new { crash = true }));
        Assert.Contains("as asked", refused.Message, StringComparison.Ordinal);
        var socket = await _server.ConnectAsync<AnySocket>();
        await Assert.ThrowsAsync<ChannelTestException>(() => socket.SubscribeAndJoinAsync("obey:refused"));
        var join = await socket.JoinAsync("obey:refused");
        Assert.Equal("""error {"reason":"no"}""", join.Reply.ToString());
        Assert.Equal(TestChannelState.Rejected, join.Channel.State);
        Assert.Equal("""error {"reason":"unmatched topic"}""", (await socket.JoinAsync("nowhere")).Reply.ToString());
    }

    [Fact]
    public async Task Sockets_get_1012_when_the_node_stops()
    {
        var server = await ChannelTestServer.StartAsync(services => services.AddChannels(channels => channels
            .Socket<AnySocket>(routes => routes.Channel<ObedientChannel>("obey:*"))));
        var socket = await server.ConnectAsync<AnySocket>();
        await server.DisposeAsync();
        Assert.Equal(1012, socket.CloseCode);
        await server.DisposeAsync();
    }

    private async Task<TestChannel> JoinedAsync() =>
        await (await _server.ConnectAsync<AnySocket>()).SubscribeAndJoinAsync("obey:1");
}
