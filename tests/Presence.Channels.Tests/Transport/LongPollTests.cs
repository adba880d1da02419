using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Presence.Node;

namespace Presence.Channels.Tests.Transport;

/// <summary>The rules of long poll, request by request.</summary>
public sealed class LongPollTests
{
    private const string Heartbeat = """[null,"1","phoenix","heartbeat",{}]""";
    private const string HeartbeatReply = """[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]""";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Connection_is_opened_by_410_and_carries_a_join_a_push_and_an_answer(bool tokenInHeader)
    {
        await using var host = await WebHost.StartAsync();
        using var client = await PollClient.OpenAsync(host, tokenInHeader: tokenInHeader);
        Assert.Equal("no-store", client.Headers!.CacheControl!.ToString());
        await client.JoinAsync("echo:a");
        Assert.Equal(200, await client.PostAsync("""["1","2","echo:a","echo",{"x":"\"\\\n"}]"""));
        Assert.Equal(
            """["1","2","echo:a","phx_reply",{"status":"ok","response":{"x":"\"\\\n"}}]""", await client.NextAsync());
    }

    [Fact]
    public async Task Waiting_poll_is_answered_as_soon_as_a_frame_is_queued()
    {
        await using var host = await WebHost.StartAsync();
        using var client = await PollClient.OpenAsync(host);
        await client.JoinAsync("echo:a");
        var poll = client.PollAsync();
        host.Server.Broadcaster.Broadcast("echo:a", "news", ChannelPayload.From(new { n = 1 }));
        Assert.Equal("""[null,null,"echo:a","news",{"n":1}]""", Assert.Single((await poll).Messages));
    }

    [Fact]
    public async Task Poll_without_frames_gets_204()
    {
        var time = new CountingTime();
        await using var host = await WebHost.StartAsync(
            "n1", null, builder => builder.Services.AddSingleton<TimeProvider>(time));
        using var client = await PollClient.OpenAsync(host);
        var wait = host.Server.Limits.LongPollTimeout;
        var timers = time.TimersWith(wait);
        var poll = client.PollAsync();
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (time.TimersWith(wait) == timers)
        {
            Assert.True(clock.Elapsed < TestClient.Timeout, "the poll does not wait");
            await Task.Yield();
        }

        time.Advance(wait);
        Assert.Equal(204, (await poll).Status);
    }

    [Fact]
    public async Task Later_poll_replaces_one_that_waits()
    {
        await using var host = await WebHost.StartAsync();
        using var client = await PollClient.OpenAsync(host);
        var first = client.PollAsync();
        var second = client.PollAsync();
        var freed = await Task.WhenAny(first, second).WaitAsync(TestClient.Timeout);
        Assert.Equal(204, (await freed).Status);
        await client.PostAsync(Heartbeat);
        Assert.Equal(HeartbeatReply, Assert.Single((await (freed == first ? second : first)).Messages));
    }

    [Fact]
    public async Task Many_frames_are_sent_in_one_request_and_received_in_one_answer_in_order()
    {
        await using var host = await WebHost.StartAsync();
        using var client = await PollClient.OpenAsync(host);
        await client.JoinAsync("echo:a");
        Assert.Equal(200, await client.PostAsync(
            [.. Enumerable.Range(0, 100).Select(i => $"[null,\"{i}\",\"phoenix\",\"heartbeat\",{{}}]"), Heartbeat]));
        var (status, messages) = await client.PollAsync();
        Assert.Equal(200, status);
        Assert.Equal(
            Enumerable.Range(0, 100).Select(
                i => $$$"""[null,"{{{i}}}","phoenix","phx_reply",{"status":"ok","response":{}}]"""),
            messages);
    }

    [Fact]
    public async Task Another_content_type_is_one_text_frame()
    {
        await using var host = await WebHost.StartAsync();
        using var client = await PollClient.OpenAsync(host);
        Assert.Equal(200, await client.PostBodyAsync(Encoding.UTF8.GetBytes(Heartbeat), "application/json"));
        Assert.Equal(HeartbeatReply, await client.NextAsync());
    }

    [Fact]
    public async Task Version_1_is_supported()
    {
        await using var host = await WebHost.StartAsync();
        using var client = await PollClient.OpenAsync(host, "/open/longpoll?x=1");
        Assert.Equal(200, await client.PostAsync("""{"topic":"echo:a","event":"phx_join","payload":{},"ref":"1"}"""));
        Assert.Equal(
            """{"ref":"1","topic":"echo:a","event":"phx_reply","payload":{"status":"ok","response":{}}}""",
            await client.NextAsync());
    }

    [Fact]
    public async Task A_binary_push_is_base64_and_a_binary_answer_is_text_that_the_stock_client_can_read()
    {
        await using var host = await WebHost.StartAsync();
        using var client = await PollClient.OpenAsync(host);
        await client.JoinAsync("echo:a");
        byte[] push = [0, 1, 1, 6, 4, .. "12echo:aecho"u8, 1, 2, 255];
        Assert.Equal(200, await client.PostAsync(Convert.ToBase64String(push)));
        Assert.Equal("""["1","2","echo:a","phx_reply",{"status":"ok","response":"AQL/"}]""", await client.NextAsync());

        host.Server.Broadcaster.Broadcast("echo:a", "news", ChannelPayload.Binary(new byte[] { 1, 2, 255 }));
        Assert.Equal("""[null,null,"echo:a","news","AQL/"]""", await client.NextAsync());
    }

    [Fact]
    public async Task Post_gets_410_and_poll_a_new_connection_without_an_open_connection()
    {
        await using var host = await WebHost.StartAsync();
        using var client = new PollClient(host) { Token = "lp.forged" };
        Assert.Equal(410, await client.PostAsync(Heartbeat));
        Assert.Equal(0, host.Server.Sockets.Count);
        var (status, messages) = await client.PollAsync();
        Assert.Equal(410, status);
        Assert.Empty(messages);
        Assert.NotEqual("lp.forged", client.Token);
        Assert.Equal(200, await client.PostAsync(Heartbeat));
    }

    [Fact]
    public async Task Token_of_another_socket_is_rejected()
    {
        await using var one = await WebHost.StartAsync();
        using var client = await PollClient.OpenAsync(one);
        using var otherSocket = new PollClient(one, "/socket/longpoll?vsn=2.0.0") { Token = client.Token };
        Assert.Equal(410, await otherSocket.PostAsync(Heartbeat));
        Assert.Equal(403, (await otherSocket.PollAsync()).Status);
        Assert.Equal(200, await client.PostAsync(Heartbeat));
        Assert.Equal(HeartbeatReply, await client.NextAsync());
    }

    [Theory]
    [InlineData("/socket/longpoll?vsn=2.0.0")]
    [InlineData("/open/longpoll?vsn=9.0.0")]
    [InlineData("/open/longpoll?vsn=")]
    [InlineData("/open/longpoll?vsn")]
    public async Task Rejected_client_gets_403_in_the_body(string address)
    {
        await using var host = await WebHost.StartAsync();
        using var client = new PollClient(host, address);
        Assert.Equal(403, (await client.PollAsync()).Status);
        Assert.Null(client.Token);
    }

    [Theory]
    [InlineData("header")]
    [InlineData("parameter")]
    [InlineData("parameter before the connection's")]
    public async Task User_token_is_accepted(string how)
    {
        await using var host = await WebHost.StartAsync();
        var token = host.Services.GetRequiredService<SocketTokens>().Create("socket", "ann", TimeSpan.FromMinutes(1));
        var path = "/socket/longpoll?vsn=2.0.0" + (how == "header" ? "" : "&token=" + token);
        using var client = new PollClient(host, path, tokenInHeader: how != "parameter before the connection's")
        {
            AuthToken = how == "header" ? token : null,
        };
        Assert.Equal(410, (await client.PollAsync()).Status);
        Assert.Equal(200, await client.PostAsync(Heartbeat));
        Assert.Equal(HeartbeatReply, await client.NextAsync());
    }

    [Fact]
    public async Task Pages_of_allowed_origins_may_read_the_answers_and_others_get_403()
    {
        await using var host = await WebHost.StartAsync(null, "--Presence:AllowedOrigins:0=shop.example");
        using var page = new PollClient(host) { Origin = "https://shop.example" };
        Assert.Equal(410, (await page.PollAsync()).Status);
        Assert.Equal("https://shop.example", Assert.Single(page.Headers!.GetValues("Access-Control-Allow-Origin")));
        Assert.Equal("Origin", Assert.Single(page.Headers.Vary));

        using var evil = new PollClient(host) { Origin = "https://evil.example" };
        Assert.Equal(403, (await evil.PollAsync()).Status);
        Assert.False(evil.Headers!.Contains("Access-Control-Allow-Origin"));
        Assert.Null(evil.Token);
    }

    [Fact]
    public async Task A_preflight_is_answered()
    {
        await using var host = await WebHost.StartAsync(null, "--Presence:AllowedOrigins:0=shop.example");
        using var client = new PollClient(host);
        using var request = new HttpRequestMessage(HttpMethod.Options, default(Uri));
        request.Headers.Add("Origin", "https://shop.example");
        request.Headers.Add("Access-Control-Request-Headers", "x-phoenix-authtoken");
        using var answer = await client.RawAsync(request);
        Assert.True(answer.IsSuccessStatusCode);
        Assert.Equal("x-phoenix-authtoken", Assert.Single(answer.Headers.GetValues("Access-Control-Allow-Headers")));
        Assert.Contains(
            "POST",
            string.Join(',', answer.Headers.GetValues("Access-Control-Allow-Methods")),
            StringComparison.Ordinal);
        using var delete = await client.RawAsync(new HttpRequestMessage(HttpMethod.Delete, default(Uri)));
        Assert.Equal(400, (int)delete.StatusCode);
    }

    [Fact]
    public async Task Request_that_is_too_large_gets_413_and_is_not_handled()
    {
        await using var host = await WebHost.StartAsync(l => (l.MaxFrameBytes, l.MaxLongPollBytes) = (1000, 3000));
        using var client = await PollClient.OpenAsync(host);
        Assert.Equal(413, await client.PostAsync(Heartbeat, new string('[', 1001)));
        Assert.Equal(413, await client.PostBodyAsync(new byte[3001], "application/x-ndjson"));
        Assert.Equal(413, await client.PostBodyAsync(new byte[1001], "text/plain"));
        Assert.Equal(200, await client.PostAsync(Heartbeat));
        Assert.Equal(HeartbeatReply, await client.NextAsync());
    }

    [Theory]
    [InlineData("junk!")]
    [InlineData("[1,2")]
    [InlineData("[]")]
    [InlineData("aGVsbG8=")]
    public async Task Malformed_frame_ends_the_connection(string line)
    {
        await using var host = await WebHost.StartAsync();
        using var client = await PollClient.OpenAsync(host);
        Assert.Equal(400, await client.PostAsync(line));
        Assert.Equal(410, await client.PostAsync(Heartbeat));
    }

    [Fact]
    public async Task Text_that_is_not_UTF8_ends_the_connection_and_is_not_broadcast()
    {
        await using var host = await WebHost.StartAsync();
        using var client = await PollClient.OpenAsync(host);
        await client.JoinAsync("echo:a");
        byte[] frame = [.. """["1","2","echo:a","all",{"x":" """u8, 0xFF, .. "\"}]"u8];
        Assert.Equal(400, await client.PostBodyAsync(frame, "application/x-ndjson"));
    }

    [Fact]
    public async Task Client_that_polls_too_rarely_is_disconnected()
    {
        await using var host = await WebHost.StartAsync(l => l.MaxSendQueueFrames = 5);
        using var client = await PollClient.OpenAsync(host);
        await client.JoinAsync("echo:a");
        for (var i = 0; i < 6; i++)
        {
            host.Server.Broadcaster.Broadcast("echo:a", "news", ChannelPayload.Empty);
        }

        Assert.Equal(410, (await client.PollAsync()).Status);
    }

    [Fact]
    public async Task Connection_without_polls_ends_with_its_presences()
    {
        var time = new CountingTime();
        await using var host = await WebHost.StartAsync(
            "n1", null, builder => builder.Services.AddSingleton<TimeProvider>(time));
        using var client = await PollClient.OpenAsync(host);
        Assert.Equal(200, await client.PostAsync("""["1","1","room:a","phx_join",{"key":"ann"}]"""));
        var left = new TaskCompletionSource();
        using var watch = host.Server.Node.Tracker.Subscribe("room:a", _ => left.TrySetResult());
        Assert.Single(watch.Snapshot);

        time.Advance(host.Server.Limits.LongPollTimeout * 1.4);
        Assert.Equal(1, host.Server.Sockets.Count);
        time.Advance(host.Server.Limits.LongPollTimeout);
        time.Advance(host.Server.Limits.CloseTimeout * 2);
        await left.Task.WaitAsync(TestClient.Timeout);
        Assert.Equal(0, host.Server.Node.Tracker.Count("room:a"));
        Assert.Equal(410, await client.PostAsync(Heartbeat));
    }

    [Fact]
    public async Task Long_poll_connections_count_as_sockets()
    {
        await using var host = await WebHost.StartAsync(l => l.MaxSockets = 1);
        using var first = await PollClient.OpenAsync(host);
        using var second = new PollClient(host);
        Assert.Equal(500, (await second.PollAsync()).Status);
        Assert.Null(second.Token);
    }

    [Fact]
    public async Task Disconnect_by_ID_ends_the_connection()
    {
        await using var host = await WebHost.StartAsync();
        var token = host.Services.GetRequiredService<SocketTokens>().Create("socket", "ann", TimeSpan.FromMinutes(1));
        using var client = new PollClient(host, "/socket/longpoll?vsn=2.0.0") { AuthToken = token };
        await client.PollAsync();
        var poll = client.PollAsync();
        host.Services.GetRequiredService<IChannelBroadcaster>().Disconnect("user:ann");
        Assert.Equal(410, (await poll).Status);
    }

    [Fact]
    public async Task Closing_connection_rejects_posts_and_returns_the_queued_frames()
    {
        await using var host = await WebHost.StartAsync();
        var token = host.Services.GetRequiredService<SocketTokens>().Create("socket", "ann", TimeSpan.FromMinutes(1));
        using var client = new PollClient(host, "/socket/longpoll?vsn=2.0.0") { AuthToken = token };
        await client.PollAsync();
        Assert.Equal(200, await client.PostAsync(Heartbeat));
        host.Services.GetRequiredService<IChannelBroadcaster>().Disconnect("user:ann");
        Assert.Equal(410, await client.PostAsync(Heartbeat));
        Assert.Equal(HeartbeatReply, await client.NextAsync());
        Assert.Equal(410, await client.PostAsync(Heartbeat));
    }

    [Fact]
    public async Task Stopping_host_answers_waiting_polls()
    {
        await using var host = await WebHost.StartAsync();
        using var client = await PollClient.OpenAsync(host);
        var poll = client.PollAsync();
        await client.PostAsync(Heartbeat);
        Assert.Equal(200, (await poll).Status);
        poll = client.PollAsync();
        var stop = host.StopAsync();

        // 410 if the poll was waiting already; 500 if the stop was faster than the request.
        Assert.Contains((await poll.WaitAsync(TestClient.Timeout)).Status, new[] { 410, 500 });
        await stop.WaitAsync(TestClient.Timeout);
    }
}
