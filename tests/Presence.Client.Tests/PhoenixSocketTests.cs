namespace Presence.Client.Tests;

public sealed class PhoenixSocketTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private readonly ServerStub _server = new();

    [Fact]
    public async Task Joins_pushes_and_leaves_are_frames_with_references_and_answers_complete_them()
    {
        var channel = await _server.JoinedAsync();
        var pushing = channel.PushAsync("say", new { text = "hi" });
        _server.Reply("2", response: """{"n":7}""");
        Assert.Equal(7, (await pushing).GetProperty("n").GetInt32());
        var leaving = channel.LeaveAsync();
        _server.Reply("3");
        await leaving;
        Assert.Equal(
            [
                """["1","1","t","phx_join",{"page":"/"}]""",
                """["1","2","t","say",{"text":"hi"}]""",
                """["1","3","t","phx_leave",{}]""",
            ],
            _server.Sent);
        Assert.Equal((3, 3), (_server.Socket.Sent, _server.Socket.Received));
    }

    [Theory]
    [InlineData("""{"reason":"full"}""", "cannot join t: full")]
    [InlineData("""{"code":7}""", """cannot join t: {"code":7}""")]
    [InlineData("[]", "cannot join t: []")]
    public async Task Rejected_join_throws_with_the_reason_only_where_an_ok_is_required(
        string response, string message)
    {
        var joining = _server.Socket.Channel("t").JoinAsync();
        _server.Reply("1", "error", response);
        Assert.Equal(message, (await Assert.ThrowsAsync<PhoenixException>(() => joining)).Message);

        var trying = _server.Socket.Channel("t").TryJoinAsync();
        _server.Reply("2", "error", response);
        Assert.False((await trying).IsOk);
    }

    [Fact]
    public async Task Push_without_an_answer_times_out_and_a_late_answer_is_ignored()
    {
        var channel = await _server.JoinedAsync();
        var pushing = channel.PushAsync("say");
        _server.Time.Advance(TimeSpan.FromSeconds(10));
        var late = await Assert.ThrowsAsync<PhoenixException>(() => pushing);
        Assert.Equal("'say' to t was not answered within 10 s.", late.Message);
        _server.Reply("2");
        Assert.False(_server.Socket.Closed.IsCompleted);
    }

    [Fact]
    public async Task Pushes_beyond_MaxPending_fail_at_once()
    {
        var server = new ServerStub(maxPending: 1);
        var channel = await server.JoinedAsync();
        var waiting = channel.PushAsync("one");
        await Assert.ThrowsAsync<PhoenixException>(() => channel.PushAsync("two"));
        server.Reply("2");
        await waiting;
        var third = channel.PushAsync("three");
        server.Reply("4");
        await third;
    }

    [Fact]
    public async Task Heartbeats_and_leaves_are_sent_while_MaxPending_pushes_wait()
    {
        var server = new ServerStub(maxPending: 1);
        var channel = await server.JoinedAsync();
        server.Time.Advance(TimeSpan.FromSeconds(25));
        var waiting = channel.PushAsync("one");
        server.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("""[null,"3","phoenix","heartbeat",{}]""", server.Sent[^1]);
        Assert.False(server.IsAborted);
        server.Reply("3");
        var leaving = channel.LeaveAsync();
        Assert.Equal("""["1","4","t","phx_leave",{}]""", server.Sent[^1]);
        server.Reply("4");
        await leaving;
        server.Reply("2");
        await waiting;
    }

    [Fact]
    public async Task Connection_whose_peer_does_not_read_a_push_in_time_is_aborted()
    {
        var channel = await _server.JoinedAsync();
        _server.IsStuck = true;
        var pushing = channel.PushAsync("say");
        _server.Time.Advance(TimeSpan.FromSeconds(10));
        var late = await Assert.ThrowsAsync<PhoenixException>(() => pushing.WaitAsync(Timeout));
        Assert.Equal("'say' to t was not sent within 10 s: the server does not read.", late.Message);
        Assert.True(_server.IsAborted);
        Assert.True(_server.Socket.Closed.IsCompleted);
    }

    [Fact]
    public async Task Connection_whose_peer_does_not_read_a_heartbeat_in_time_is_aborted()
    {
        _server.IsStuck = true;
        _server.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.False(_server.Socket.Closed.IsCompleted);
        _server.Time.Advance(TimeSpan.FromSeconds(10));
        await _server.Socket.Closed.WaitAsync(Timeout);
        Assert.True(_server.IsAborted);
    }

    [Fact]
    public async Task Socket_whose_peer_does_not_read_is_disposed_within_two_seconds()
    {
        _server.IsStuck = true;
        var disposing = _server.Socket.DisposeAsync().AsTask();
        _server.Time.Advance(TimeSpan.FromSeconds(2));
        await disposing.WaitAsync(Timeout);
        Assert.True(_server.IsAborted);
        Assert.True(_server.Socket.Closed.IsCompleted);
    }

    [Fact]
    public async Task Connection_that_does_not_answer_a_heartbeat_is_aborted()
    {
        _server.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("""[null,"1","phoenix","heartbeat",{}]""", Assert.Single(_server.Sent));
        Assert.False(_server.Socket.Closed.IsCompleted);
        _server.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("aborted here", await _server.Socket.Closed.WaitAsync(Timeout));
        Assert.True(_server.IsAborted);
    }

    [Fact]
    public async Task End_of_the_connection_fails_pending_and_later_pushes()
    {
        var channel = await _server.JoinedAsync();
        var waiting = channel.PushAsync("say");
        _server.Socket.End("closed with 1012");
        _server.Socket.End("again");
        var pending = await Assert.ThrowsAsync<PhoenixException>(() => waiting);
        Assert.Contains("closed with 1012", pending.Message, StringComparison.Ordinal);
        var later = await Assert.ThrowsAsync<PhoenixException>(() => channel.PushAsync("say"));
        Assert.Contains("closed with 1012", later.Message, StringComparison.Ordinal);
        Assert.Equal("closed with 1012", await _server.Socket.Closed);
        _server.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.DoesNotContain(_server.Sent, frame => frame.Contains("heartbeat", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Disposed_socket_closes_its_connection()
    {
        await _server.Socket.DisposeAsync();
        Assert.Equal("closed with 1000", await _server.Socket.Closed);
    }

    [Theory]
    [InlineData("""["1",null,"t","said",{}]""", true)]
    [InlineData("""[null,null,"t","said",{}]""", true)]
    [InlineData("""["0",null,"t","said",{}]""", false)]
    [InlineData("""["1",null,"u","said",{}]""", false)]
    [InlineData("""["1",null,"t","other",{}]""", false)]
    public async Task Channel_receives_messages_of_its_topic_and_join(string frame, bool isReceived)
    {
        var received = 0;
        await _server.JoinedAsync(channel => channel.On("said", _ => received++));
        _server.Push(frame);
        Assert.Equal(isReceived ? 1 : 0, received);
    }

    [Theory]
    [InlineData("phx_close")]
    [InlineData("phx_error")]
    public async Task Channel_ended_by_the_server_reports_the_event_and_receives_nothing_more(string end)
    {
        var received = 0;
        var channel = await _server.JoinedAsync(c => c.On("said", _ => received++));
        _server.Push($$"""["1","1","t","{{end}}",{}]""");
        _server.Push("""["1",null,"t","said",{}]""");
        Assert.Equal((end, 0), (await channel.Ended, received));
        Assert.False(_server.Socket.Closed.IsCompleted);
    }
}
