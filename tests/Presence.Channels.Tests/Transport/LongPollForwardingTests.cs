using Presence.Channels.Transport.LongPoll;
using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Transport;

/// <summary>Long poll behind a load balancer that sends each request to another node.</summary>
public sealed class LongPollForwardingTests : IAsyncLifetime
{
    private const string Heartbeat = """[null,"1","phoenix","heartbeat",{}]""";
    private const string HeartbeatReply = """[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]""";

    private readonly InMemoryCluster _cluster = new();
    private readonly List<WebHost> _hosts = [];
    private PollClient[] _clients = [];

    private PollClient Owner => _clients[0];

    public async Task InitializeAsync()
    {
        foreach (var name in new[] { "n1", "n2", "n3" })
        {
            _hosts.Add(await WebHost.StartAsync(name, _cluster, limits => limits.MaxSendQueueBytes = 4 << 20));
        }

        var owner = await PollClient.OpenAsync(_hosts[0]);
        _clients = [owner, .. _hosts[1..].Select(host => new PollClient(host) { Token = owner.Token })];
    }

    public async Task DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            await host.DisposeAsync();
        }

        foreach (var client in _clients)
        {
            client.Dispose();
        }
    }

    [Fact]
    public async Task Requests_that_reach_any_node_in_turn_join_push_and_receive()
    {
        var turn = 0;
        PollClient Next() => _clients[++turn % 3];
        Assert.Equal(200, await Next().PostAsync("""["1","1","echo:a","phx_join",{}]"""));
        Assert.Contains("phx_reply", await Next().NextAsync(), StringComparison.Ordinal);
        for (var i = 0; i < 12; i++)
        {
            Assert.Equal(200, await Next().PostAsync($$"""["1","2","echo:a","echo",{"n":{{i}}}]"""));
            Assert.Equal(
                $$$"""["1","2","echo:a","phx_reply",{"status":"ok","response":{"n":{{{i}}}}}]""",
                await Next().NextAsync());
        }

        Assert.Equal([1, 0, 0], _hosts.Select(host => host.Server.Sockets.Count));
    }

    [Fact]
    public async Task Waiting_poll_of_another_node_is_answered_as_soon_as_a_frame_is_queued()
    {
        await Owner.JoinAsync("echo:a");
        var poll = _clients[1].PollAsync();
        _hosts[2].Server.Broadcaster.Broadcast("echo:a", "news", ChannelPayload.From(new { n = 1 }));
        Assert.Equal("""[null,null,"echo:a","news",{"n":1}]""", Assert.Single((await poll).Messages));
    }

    [Fact]
    public async Task Messages_and_posts_of_megabytes_are_forwarded_whole_and_in_order()
    {
        await Owner.JoinAsync("echo:a");
        var text = new string('x', 200_000);
        Assert.Equal(200, await _clients[1].PostAsync([.. Enumerable.Range(0, 9).Select(
            i => $$"""["1","{{i}}","echo:a","echo",{"x":"{{text}}"}]""")]));
        var received = new List<string>();
        while (received.Count < 9)
        {
            received.AddRange((await _clients[2].PollAsync()).Messages);
        }

        Assert.Equal(
            Enumerable.Range(0, 9).Select(
                i => $$$"""["1","{{{i}}}","echo:a","phx_reply",{"status":"ok","response":{"x":"{{{text}}}"}}]"""),
            received);
    }

    [Fact]
    public async Task Frames_stay_queued_when_the_client_of_a_forwarded_poll_disconnects()
    {
        await Owner.JoinAsync("echo:a");
        using (var abort = new CancellationTokenSource())
        {
            var poll = _clients[1].PollAsync(abort.Token);
            await abort.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => poll);
        }

        // The next poll replaces that one if it still waits.
        var next = _clients[2].PollAsync();
        Assert.Equal(200, await Owner.PostAsync(Heartbeat));
        var (status, messages) = await next;
        Assert.Equal(HeartbeatReply, status == 204 ? await _clients[2].NextAsync() : Assert.Single(messages));
    }

    [Fact]
    public async Task Poll_of_a_client_that_has_gone_takes_no_frames_and_replaces_no_other_poll()
    {
        using var harness = new Harness();
        var transport = new LongPollTransport(harness.Server, () => { });
        var frames = new List<OutFrame>();
        var waiting = transport.PollAsync(frames, default).AsTask();
        Assert.Equal(LongPollTransport.Polled.Nothing, await transport.PollAsync([], new CancellationToken(true)));
        transport.Send(new OutFrame("[]"u8.ToArray(), default, false));
        Assert.Equal(LongPollTransport.Polled.Frames, await waiting.WaitAsync(TestClient.Timeout));
        transport.Send(new OutFrame("[]"u8.ToArray(), default, false));
        Assert.Equal(LongPollTransport.Polled.Nothing, await transport.PollAsync([], new CancellationToken(true)));
        Assert.Equal(LongPollTransport.Polled.Frames, await transport.PollAsync(frames, default));
        Assert.Equal(2, frames.Count);
    }

    [Fact]
    public async Task Status_410_is_for_a_connection_that_has_ended_or_whose_node_is_gone()
    {
        Assert.Equal(400, await _clients[1].PostAsync("junk!"));
        Assert.Equal(410, await _clients[1].PostAsync(Heartbeat));
        using var other = await PollClient.OpenAsync(_hosts[1]);
        await _hosts[1].StopAsync();
        using var elsewhere = new PollClient(_hosts[2]) { Token = other.Token };
        Assert.Equal(410, await elsewhere.PostAsync(Heartbeat));
        Assert.Equal(410, (await elsewhere.PollAsync()).Status);
        Assert.NotEqual(other.Token, elsewhere.Token);
        Assert.Equal(200, await elsewhere.PostAsync(Heartbeat));
    }

    [Fact]
    public async Task Node_that_does_not_answer_costs_a_bounded_time_and_a_reconnect()
    {
        // As after a restart of the owner under its name: the node is up and knows nothing of the connection.
        var stranger = new LongPollAddress(LongPollAddress.NewId(), LongPollAddress.NewId(), "n1");
        var time = new CountingTime();
        await using var host = await WebHost.StartAsync(
            "n4", _cluster, builder => builder.Services.AddSingleton<TimeProvider>(time));
        var tokens = host.Services.GetRequiredService<SocketTokens>();
        var purpose = "longpoll:" + typeof(OpenDoorSocket).FullName;
        using var client = new PollClient(host)
        {
            Token = "lp." + tokens.Create(purpose, stranger.ToString(), TimeSpan.FromDays(1)),
        };
        var wait = host.Server.Limits.LongPollTimeout * 1.5;
        var timers = time.TimersWith(wait);
        var poll = client.PollAsync();
        using var timeout = new CancellationTokenSource(TestClient.Timeout);
        while (time.TimersWith(wait) == timers)
        {
            Assert.False(timeout.IsCancellationRequested, "the poll does not wait");
            await Task.Yield();
        }

        time.Advance(wait);
        Assert.Equal(500, (await poll).Status);
    }
}
