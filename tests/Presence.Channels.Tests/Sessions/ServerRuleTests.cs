using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Sessions;

/// <summary>The server's rules of the protocol, frame by frame.</summary>
public sealed class ServerRuleTests : IDisposable
{
    private readonly Harness _harness = new();
    private readonly TestClient _client;

    public ServerRuleTests() => _client = _harness.Connect();
    public void Dispose() => _harness.Dispose();

    [Fact]
    public Task A_heartbeat_is_answered() => _client.ExpectNothingAsync();

    [Fact]
    public Task A_join_is_answered_with_its_references() => _client.JoinAsync("echo", "3");

    [Fact]
    public Task A_join_gets_the_response_of_the_channel() =>
        _client.OkAsync("""["1","1","picky:welcome","phx_join",{"user":"ann"}]""", """{"welcome":"ann"}""");

    [Fact]
    public Task An_unknown_topic_is_unmatched() =>
        _client.RejectedAsync("""["1","1","nowhere","phx_join",{}]""", "unmatched topic");

    [Fact]
    public Task A_rejected_join_gets_the_reason_of_the_channel() =>
        _client.RejectedAsync("""["1","1","picky:reject","phx_join",{}]""", "closed");

    [Theory]
    [InlineData("crash")]
    [InlineData("early_push")]
    public async Task Failing_join_is_answered_and_affects_no_other_channel(string how)
    {
        await _client.JoinAsync("echo");
        await _client.RejectedAsync($$"""["2","2","picky:{{how}}","phx_join",{}]""", "join crashed");
        await _client.OkAsync("""["1","5","echo","echo",{"still":"here"}]""", """{"still":"here"}""");
        Assert.Equal(1, _harness.Counted("presence.channel.failures:join"));
    }

    [Fact]
    public async Task Join_that_times_out_is_answered_and_its_late_result_ignored()
    {
        var join = _client.SendAsync("""["1","1","picky:slow","phx_join",{}]""");
        Assert.Equal("deciding", await _harness.Log.NextAsync());
        Assert.False(join.IsCompleted);
        _harness.Time.Advance(TimeSpan.FromSeconds(10));
        await join.WaitAsync(TestClient.Timeout);
        Assert.Equal(
            """["1","1","picky:slow","phx_reply",{"status":"error","response":{"reason":"join timeout"}}]""",
            await _client.NextAsync());
        Assert.Equal(1, _harness.Counted("presence.channel.failures:join_timeout"));
        _harness.Log.Gate.SetResult();
        await _client.ExpectNothingAsync();
        Assert.Equal(0, _harness.Node.Count("picky:slow"));
        await _client.RejectedAsync("""["1","2","picky:slow","ping",{}]""", "unmatched topic");
    }

    [Fact]
    public async Task A_rejected_topic_can_be_joined_again()
    {
        await _client.RejectedAsync("""["1","1","picky:reject","phx_join",{}]""", "closed");
        await _client.RejectedAsync("""["2","2","picky:reject","phx_join",{}]""", "closed");
    }

    [Fact]
    public async Task A_topic_longer_than_the_limit_is_rejected()
    {
        var topic = "echo:" + new string('é', 126);
        await _client.ExpectAsync(
            $$"""["1","1","{{topic}}","phx_join",{}]""",
            $$"""["1","1","{{EncodedTopic(topic)}}","phx_reply","""
                + """{"status":"error","response":{"reason":"topic too long"}}]""");
    }

    [Fact]
    public async Task A_push_is_answered()
    {
        await _client.JoinAsync("echo");
        await _client.OkAsync("""["1","2","echo","echo",{"n": 1}]""", """{"n": 1}""");
        await _client.RejectedAsync("""["1","3","echo","reject",{}]""", "no");
    }

    [Fact]
    public async Task A_push_may_get_no_answer()
    {
        await _client.JoinAsync("echo");
        await _client.SendAsync("""["1","2","echo","noreply",{}]""");
        await _client.OkAsync("""["1","3","echo","echo",{}]""");
    }

    [Fact]
    public async Task Unknown_event_is_answered_with_an_error()
    {
        await _client.JoinAsync("echo");
        await _client.RejectedAsync("""["1","2","echo","what",{}]""", "unknown event");
    }

    [Fact]
    public async Task An_answer_may_come_later()
    {
        await _client.JoinAsync("echo");
        await _client.SendAsync("""["1","2","echo","later",{}]""");
        await _client.ExpectAsync(
            """["1","3","echo","now",{"late":true}]""",
            """["1","2","echo","phx_reply",{"status":"ok","response":{"late":true}}]""");
    }

    [Fact]
    public async Task A_push_of_the_channel_carries_the_join_reference()
    {
        await _client.JoinAsync("echo", "7");
        await _client.ExpectAsync("""["7","8","echo","push",{"x":1}]""", """["7",null,"echo","pushed",{"x":1}]""");
    }

    [Fact]
    public async Task A_binary_push_is_answered_in_binary()
    {
        await _client.JoinAsync("echo");
        await _client.SendAsync([0, 1, 1, 4, 4, .. "12echoecho"u8, 5, 6]);
        var frame = await _client.NextFrameAsync();
        Assert.True(frame.IsBinary);
        Assert.Equal([1, 1, 1, 4, 2, .. "12echook"u8, 5, 6], frame.Head.ToArray());
    }

    [Fact]
    public async Task A_leave_is_answered_and_then_closed()
    {
        await _client.JoinAsync("echo", "3");
        await _client.ExpectAsync(
            """["3","10","echo","phx_leave",{}]""",
            """["3","10","echo","phx_reply",{"status":"ok","response":{}}]""",
            """["3","3","echo","phx_close",{}]""");
        Assert.Equal("echo Left", await _harness.Log.NextAsync());
    }

    [Fact]
    public Task Leave_of_an_unjoined_topic_is_answered_ok() => _client.OkAsync("""["3","4","echo","phx_leave",{}]""");

    [Fact]
    public Task Push_to_an_unjoined_topic_is_unmatched() =>
        _client.RejectedAsync("""["3","4","echo","echo",{}]""", "unmatched topic");

    [Theory]
    [InlineData("echo")]
    [InlineData("phx_leave")]
    public async Task Frame_for_an_earlier_join_is_dropped(string name)
    {
        await _client.JoinAsync("echo", "5");
        await _client.SendAsync($$"""["4","6","echo","{{name}}",{}]""");
        await _client.OkAsync("""["5","7","echo","echo",{}]""");
        Assert.Equal(1, _harness.Counted("presence.frames.dropped:stale"));
    }

    [Fact]
    public async Task A_frame_without_a_join_reference_is_accepted()
    {
        await _client.JoinAsync("echo", "5");
        await _client.ExpectAsync(
            """[null,"7","echo","echo",{}]""", """["5","7","echo","phx_reply",{"status":"ok","response":{}}]""");
    }

    [Fact]
    public async Task Second_join_replaces_the_first_and_closes_it_after_its_own_answer()
    {
        await _client.JoinAsync("echo", "1");
        await _client.ExpectAsync(
            """["2","2","echo","phx_join",{}]""",
            """["2","2","echo","phx_reply",{"status":"ok","response":{}}]""",
            """["1","1","echo","phx_close",{}]""");
        Assert.Equal("echo Replaced", await _harness.Log.NextAsync());
        await _client.OkAsync("""["2","3","echo","echo",{}]""");
    }

    [Fact]
    public async Task A_second_join_does_not_wait_for_ever_for_the_first()
    {
        await _client.JoinAsync("echo", "1");
        await _client.SendAsync("""["1","2","echo","hang",{}]""");
        Assert.Equal("hanging", await _harness.Log.NextAsync());
        var join = _client.SendAsync("""["3","3","echo","phx_join",{}]""");
        Assert.False(join.IsCompleted);
        _harness.Time.Advance(TimeSpan.FromSeconds(5));
        await join.WaitAsync(TestClient.Timeout);
        Assert.Equal("""["3","3","echo","phx_reply",{"status":"ok","response":{}}]""", await _client.NextAsync());
        Assert.Equal("""["1","1","echo","phx_close",{}]""", await _client.NextAsync());
        _harness.Log.Gate.SetResult();
    }

    [Fact]
    public async Task Exception_ends_only_its_channel()
    {
        await _client.JoinAsync("echo:a", "1");
        await _client.JoinAsync("echo:b", "2");
        await _client.ExpectAsync(
            """["1","3","echo:a","crash",{}]""", """["1","1","echo:a","phx_error",{"reason":"channel_crash"}]""");
        Assert.Equal("echo:a Failed", await _harness.Log.NextAsync());
        await _client.OkAsync("""["2","4","echo:b","echo",{}]""");
        await _client.JoinAsync("echo:a", "5");
    }

    [Fact]
    public async Task Exception_during_termination_does_not_affect_the_client()
    {
        await _client.JoinAsync("echo", "1");
        _harness.Server.Node.PubSub.Broadcast(new("x", "y", default));
        await _client.SendAsync("""["1","2","echo","bad_push",{}]""");
        Assert.Equal("""["1","1","echo","phx_error",{"reason":"channel_crash"}]""", await _client.NextAsync());
        Assert.Null(_client.CloseCode);
    }

    [Theory]
    [InlineData("stop", new string[0])]
    [InlineData("stop_reply", new[] { """["1","2","echo","phx_reply",{"status":"ok","response":{}}]""" })]
    public async Task A_channel_may_stop_itself(string name, string[] before)
    {
        await _client.JoinAsync("echo", "1");
        await _client.ExpectAsync(
            $$"""["1","2","echo","{{name}}",{}]""", [.. before, """["1","1","echo","phx_close",{}]"""]);
        Assert.Equal("echo Stopped", await _harness.Log.NextAsync());
    }

    [Fact]
    public async Task Channels_end_with_their_socket()
    {
        await _client.JoinAsync("echo", "1");
        _client.Session.End();
        Assert.Equal("echo SocketClosed", await _harness.Log.NextAsync());
    }

    [Fact]
    public async Task Hanging_channel_is_abandoned_after_the_timeout_and_its_presence_removed()
    {
        await _client.JoinAsync("echo", "2");

        // Last: the state of the topic may come between a push and its answer.
        await _client.JoinAsync("room:a", "1", """{"key":"ann"}""");
        await _client.SendAsync("""["1","3","room:a","hang",{}]""");
        Assert.Equal("hanging", await _harness.Log.NextAsync());
        var left = new TaskCompletionSource();
        using var subscription = ((Node.IPresenceTracker)_harness.Node).Subscribe("room:a", _ => left.TrySetResult());
        _client.Session.End();
        Assert.Equal("echo SocketClosed", await _harness.Log.NextAsync());
        Assert.Single(_harness.Node.GetByKey("room:a", "ann"));
        _harness.Time.Advance(TimeSpan.FromSeconds(5));
        await left.Task.WaitAsync(TestClient.Timeout);
        Assert.Empty(_harness.Node.GetByKey("room:a", "ann"));
        Assert.Equal(1, _harness.Counted("presence.channel.failures:abandoned"));
        _harness.Log.Gate.SetResult();
    }

    [Fact]
    public async Task Timer_of_a_channel_fires_and_ends_with_it()
    {
        await _client.JoinAsync("echo", "1");
        await _client.OkAsync("""["1","2","echo","after",{}]""");
        _harness.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("""["1",null,"echo","info",{"message":"rang"}]""", await _client.NextAsync());
        var timers = _harness.Time.Timers;
        await _client.SendAsync("""["1","3","echo","after",{}]""");
        await _client.NextAsync();
        Assert.Equal(timers + 1, _harness.Time.Timers);
        await _client.SendAsync("""["1","4","echo","phx_leave",{}]""");
        await _client.NextAsync();
        await _client.NextAsync();
        Assert.Equal(timers, _harness.Time.Timers);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("""["1","1","echo","phx_join"]""")]
    public async Task Malformed_frame_closes_only_its_socket(string text)
    {
        var other = _harness.Connect();
        await _client.SendAsync(text);
        Assert.Equal(1007, _client.CloseCode);
        Assert.Null(other.CloseCode);
        await other.ExpectNothingAsync();
        Assert.Equal(1, _harness.Counted("presence.frames.dropped:malformed"));
    }

    [Fact]
    public async Task Version_1_clients_join_push_and_leave()
    {
        var old = _harness.Connect("1.0.0");
        await old.ExpectAsync(
            """{"topic":"echo","event":"phx_join","payload":{},"ref":"1"}""",
            """{"ref":"1","topic":"echo","event":"phx_reply","payload":{"status":"ok","response":{}}}""");
        await old.ExpectAsync(
            """{"topic":"echo","event":"echo","payload":[1],"ref":"2"}""",
            """{"ref":"2","topic":"echo","event":"phx_reply","payload":{"status":"ok","response":[1]}}""");
        _harness.Server.Broadcaster.Broadcast("echo", "bytes", ChannelPayload.Binary(new byte[] { 1 }));
        await old.ExpectAsync(
            """{"topic":"echo","event":"phx_leave","payload":{},"ref":"3"}""",
            """{"ref":"3","topic":"echo","event":"phx_reply","payload":{"status":"ok","response":{}}}""",
            """{"ref":"1","topic":"echo","event":"phx_close","payload":{}}""");
        Assert.Equal(1, _harness.Counted("presence.frames.dropped:binary_to_v1"));
    }

    private static string EncodedTopic(string topic)
    {
        var frame = FrameSerializers.V2.Broadcast(topic, "e", default).ToString();
        return frame["[null,null,\"".Length..frame.IndexOf("\",\"e\"", StringComparison.Ordinal)];
    }
}
