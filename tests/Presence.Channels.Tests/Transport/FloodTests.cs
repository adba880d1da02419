namespace Presence.Channels.Tests.Transport;

/// <summary>Clients that send too much, or never read, over real connections.</summary>
public sealed class FloodTests
{
    private const string Heartbeat = """[null,"1","phoenix","heartbeat",{}]""";
    private const string HeartbeatReply = """[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]""";

    private static readonly byte[] Ping = [0x89, 0x80, 0, 0, 0, 0];
    private static readonly byte[] EmptyPart = [0x00, 0x80, 0, 0, 0, 0];

    public static TheoryData<byte[], byte[]> Floods => new()
    {
        { [], Ping },
        { [0x01, 0x80, 0, 0, 0, 0], EmptyPart },
        { [], [0x8A, 0x80, 0, 0, 0, 0] },
    };

    [Theory]
    [MemberData(nameof(Floods))]
    public async Task Every_WebSocket_frame_counts(byte[] first, byte[] frame)
    {
        var time = new CountingTime();
        await using var host = await WebHost.StartAsync(
            "n1", null, builder => builder.Services.AddSingleton<TimeProvider>(time),
            l => (l.MaxFramesPerSecond, l.FrameBurst) = (10, 20));
        using var throttled = new CountedReasons(host.Services, "presence.sockets.throttled");
        using var closed = new CountedReasons(host.Services, "presence.sockets.closed");
        using var other = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        using var flood = await RawSocket.OpenAsync(host);
        await flood.SendAsync(first);
        await flood.SendAsync([.. Enumerable.Repeat(frame, 1000).SelectMany(bytes => bytes)]);
        await TestTimeouts.UntilAsync("it is slowed", TestClient.Timeout, () => throttled.Count > 0);
        await TestTimeouts.UntilAsync("it is closed", TestClient.Timeout, () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return closed.Reasons.Contains("rate");
        });
        await flood.ReceiveUntilAsync([0x88, 2, 1008 >> 8, 1008 & 255]);
        await other.SendAsync(Heartbeat);
        Assert.Equal(HeartbeatReply, await other.NextAsync());
    }

    [Fact]
    public async Task Frames_that_never_end_count_as_waiting_bytes_and_are_cut_off()
    {
        await using var host = await WebHost.StartAsync(
            l => (l.MaxFrameBytes, l.MaxWaitingBytes) = (100_000, 400_000));
        using var closed = new CountedReasons(host.Services, "presence.sockets.closed");
        using var good = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        var hanging = new List<ClientWebSocket>();
        while (!closed.Reasons.Contains("memory"))
        {
            Assert.True(hanging.Count < 100, "nobody was cut off");
            hanging.Add(await host.ConnectAsync("/open/websocket?vsn=2.0.0"));
            var before = host.Server.Waiting.Total;
            await hanging[^1].SendAsync(new byte[90_000], WebSocketMessageType.Text, false, default);
            await TestTimeouts.UntilAsync("the part was read", TestClient.Timeout, () =>
                host.Server.Waiting.Total > before + 60_000 || closed.Reasons.Length > 0);
        }

        Assert.InRange(host.Server.Waiting.Total, 1, 400_000);
        await good.SendAsync(Heartbeat);
        Assert.Equal(HeartbeatReply, await good.NextAsync());
        hanging.ForEach(socket => socket.Dispose());
        await TestTimeouts.UntilAsync("nothing waits", TestClient.Timeout, () => host.Server.Waiting.Total == 0);
    }

    [Fact]
    public async Task Sender_of_a_burst_is_slowed_before_its_neighbours_are_cut_off()
    {
        await using var host = await WebHost.StartAsync(l =>
            (l.MaxFramesPerSecond, l.MaxBytesPerSecond, l.MaxSendQueueBytes) = (0, 0, 1 << 20));
        using var closed = new CountedReasons(host.Services, "presence.sockets.closed");
        const int Messages = 300;
        var neighbours = new List<(ClientWebSocket Socket, Task Reads)>();
        for (var i = 0; i < 10; i++)
        {
            var socket = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
            await JoinAsync(socket);
            neighbours.Add((socket, ReadAsync(socket, Messages)));
        }

        using var sender = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        await JoinAsync(sender);
        var answers = ReadAsync(sender, Messages);
        var body = new string('x', 100_000);
        for (var i = 0; i < Messages; i++)
        {
            await sender.SendAsync($$"""["1","{{i}}","echo:a","others",{"x":"{{body}}"}]""");
        }

        await Task.WhenAll([answers, .. neighbours.Select(n => n.Reads)]);
        Assert.Empty(closed.Reasons);
        neighbours.ForEach(n => n.Socket.Dispose());

        static async Task ReadAsync(ClientWebSocket socket, int count)
        {
            for (var i = 0; i < count; i++)
            {
                Assert.StartsWith("[", await socket.NextAsync(), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Client_that_sends_little_does_not_wait_for_one_that_does_not_read()
    {
        // The clock does not advance, so a sender that waits would never go on.
        await using var host = await WebHost.StartAsync(
            "n1", null, builder => builder.Services.AddSingleton<TimeProvider>(new CountingTime()),
            l => l.MaxSendQueueBytes = 1 << 20);
        using var deaf = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        await JoinAsync(deaf);
        await JoinAsync(deaf, "echo:flood");
        var body = new byte[50_000];
        var full = 0;
        await TestTimeouts.UntilAsync("its queue stays more than half full", TestClient.Timeout, () =>
        {
            full = host.Server.Waiting.Total > 600_000 ? full + 1 : 0;
            while (host.Server.Waiting.Total < 700_000)
            {
                host.Server.Node.PubSub.BroadcastLocal(new PubSubMessage("echo:flood", "news", body, IsBinary: true));
            }

            return full > 10;
        });
        using var sender = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        using var neighbour = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        await JoinAsync(sender);
        await JoinAsync(neighbour);
        for (var i = 0; i < 3; i++)
        {
            await sender.SendAsync($$"""["1",null,"echo:a","others",{"i":{{i}}}]""");
            Assert.Equal($$"""[null,null,"echo:a","news",{"i":{{i}}}]""", await neighbour.NextAsync());
        }
    }

    [Fact]
    public async Task Channels_that_broadcast_wait_before_the_queue_of_all_broadcasts_is_full()
    {
        // Together more than the queue holds. Time stands still, so that nobody waits too long.
        const int Clients = 12;
        const int Messages = 900;
        await using var host = await WebHost.StartAsync(
            "n1", null, builder => builder.Services.AddSingleton<TimeProvider>(new CountingTime()),
            l => (l.MaxFramesPerSecond, l.BusyDelay) = (0, TimeSpan.Zero));
        var pubSub = host.Server.Node.PubSub;
        using var released = new ManualResetEventSlim();
        using var stuck = pubSub.Subscribe("stuck", _ => released.Wait(TestClient.Timeout));
        var blocked = Task.Run(() => pubSub.BroadcastLocal(new PubSubMessage("stuck", "news", default)));
        var clients = new List<ClientWebSocket>();
        for (var i = 0; i < Clients; i++)
        {
            clients.Add(await host.ConnectAsync("/open/websocket?vsn=2.0.0"));
            await JoinAsync(clients[i], $"echo:{i}");
        }

        await Task.WhenAll(clients.Select(async (socket, topic) =>
        {
            for (var i = 0; i < Messages; i++)
            {
                await socket.SendAsync($$"""["1",null,"echo:{{topic}}","all",{}]""");
            }

            await socket.SendAsync(Heartbeat);
            Assert.Equal(HeartbeatReply, await socket.NextAsync());
        }));
        released.Set();
        await blocked;
        for (var topic = 0; topic < Clients; topic++)
        {
            for (var i = 0; i < Messages; i++)
            {
                Assert.Equal($$"""[null,null,"echo:{{topic}}","news",{}]""", await clients[topic].NextAsync());
            }

            clients[topic].Dispose();
        }
    }

    [Fact]
    public async Task Long_poll_that_posts_and_never_polls_ends()
    {
        var time = new CountingTime();
        await using var host = await WebHost.StartAsync(
            "n1", null, builder => builder.Services.AddSingleton<TimeProvider>(time));
        using var closed = new CountedReasons(host.Services, "presence.sockets.closed");
        using var client = await PollClient.OpenAsync(host);
        for (var i = 0; await client.PostAsync(Heartbeat) == 200; i++)
        {
            Assert.True(i < 10, "it lives although it never polls");
            time.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.Equal(["idle"], closed.Reasons);
        await TestTimeouts.UntilAsync("its frames are dropped", TestClient.Timeout, () =>
        {
            time.Advance(TimeSpan.FromSeconds(5));
            return host.Server.Waiting.Total + host.Server.Sockets.Count == 0;
        });
    }

    [Fact]
    public async Task Long_poll_posts_are_slowed_too()
    {
        var time = new CountingTime();
        await using var host = await WebHost.StartAsync(
            "n1", null, builder => builder.Services.AddSingleton<TimeProvider>(time),
            l => (l.MaxFramesPerSecond, l.FrameBurst) = (10, 20));
        using var client = await PollClient.OpenAsync(host);
        var post = client.PostAsync([.. Enumerable.Repeat(Heartbeat, 25)]);
        await TestTimeouts.UntilAsync("it is handled", TestClient.Timeout, () =>
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            return post.IsCompleted;
        });
        Assert.Equal(200, await post);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(25, (await client.PollAsync()).Messages.Length);
    }

    [Fact]
    public async Task Long_poll_that_does_not_poll_waits_before_more_of_it_is_handled()
    {
        // Time stands still: only the poll ends the wait.
        await using var host = await WebHost.StartAsync(
            "n1", null, builder => builder.Services.AddSingleton<TimeProvider>(new CountingTime()),
            l => l.MaxSendQueueBytes = 80_000);
        using var throttled = new CountedReasons(host.Services, "presence.sockets.throttled");
        using var client = await PollClient.OpenAsync(host);
        await client.JoinAsync("echo:a");
        Assert.Equal(200, await client.PostAsync(Echo(0, 20_000)));
        await TestTimeouts.UntilAsync("it is answered", TestClient.Timeout, () => host.Server.Waiting.Total > 20_000);
        var second = client.PostAsync(Echo(1, 20_000));
        await TestTimeouts.UntilAsync("it waits", TestClient.Timeout, () => throttled.Reasons.Contains("unread"));
        Assert.Single((await client.PollAsync()).Messages);
        Assert.Equal(200, await second);
        Assert.Single((await client.PollAsync()).Messages);
    }

    [Fact]
    public async Task Client_that_sends_and_does_not_read_is_read_when_it_has_read()
    {
        const int Messages = 200;
        await using var host = await WebHost.StartAsync(
            "n1", null, builder => builder.Services.AddSingleton<TimeProvider>(new CountingTime()),
            l => (l.MaxFramesPerSecond, l.MaxBytesPerSecond, l.BusyDelay, l.MaxSendQueueBytes) =
                (0, 0, TimeSpan.Zero, 1 << 20));
        using var throttled = new CountedReasons(host.Services, "presence.sockets.throttled");
        using var closed = new CountedReasons(host.Services, "presence.sockets.closed");
        using var socket = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        await JoinAsync(socket);
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < Messages; i++)
            {
                await socket.SendAsync(Echo(i, 100_000));
            }
        });
        await TestTimeouts.UntilAsync("it waits", TestClient.Timeout, () => throttled.Reasons.Contains("unread"));
        for (var i = 0; i < Messages; i++)
        {
            Assert.StartsWith($"""["1","{i}",""", await socket.NextAsync(), StringComparison.Ordinal);
        }

        await sending;
        Assert.Empty(closed.Reasons);
    }

    [Fact]
    public async Task Answer_that_is_not_read_counts_as_waiting_bytes()
    {
        // One answer fits, and is more than the system buffers; two do not fit.
        await using var host = await WebHost.StartAsync(l => l.MaxWaitingBytes = 16_000_000);
        using var closed = new CountedReasons(host.Services, "presence.sockets.closed");
        using var client = await PollClient.OpenAsync(host);
        await client.JoinAsync("echo:a");
        var payload = ChannelPayload.From(new { x = new string('x', 500_000) });
        var unread = new List<RawSocket>();
        for (var i = 0; i < 10 && !closed.Reasons.Contains("memory"); i++)
        {
            for (var message = 0; message < 14; message++)
            {
                host.Server.Broadcaster.Broadcast("echo:a", "news", payload);
            }

            unread.Add(await RawSocket.GetAsync(host, "/open/longpoll?vsn=2.0.0", client.Token!));
            await unread[^1].ReceiveUntilAsync("\r\n\r\n"u8.ToArray());
            await TestTimeouts.UntilAsync("the answer waits", TestClient.Timeout, () =>
                host.Server.Waiting.Total > 7_000_000 * (i + 1) || closed.Reasons.Length > 0);
        }

        Assert.Equal(["memory"], closed.Reasons);
        unread.ForEach(answer => answer.Dispose());
    }

    [Theory]
    [InlineData("echo")]
    [InlineData("phx_join")]
    [InlineData("phx_leave")]
    public async Task Topic_too_long_to_repeat_closes_with_1008(string name)
    {
        await using var host = await WebHost.StartAsync();
        using var closed = new CountedReasons(host.Services, "presence.sockets.closed");
        using var socket = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        await socket.SendAsync($$"""["1","1","{{new string('t', 200_000)}}","{{name}}",{}]""");
        Assert.Equal("closed 1008", await socket.NextAsync());
        Assert.Equal(["topic_too_long"], closed.Reasons);
    }

    [Fact]
    public async Task Long_event_is_rejected_without_keeping_it()
    {
        await using var host = await WebHost.StartAsync();
        using var dropped = new CountedReasons(host.Services, "presence.frames.dropped");
        using var socket = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        await socket.SendAsync($$"""["1","2","echo:a","{{new string('e', 200_000)}}",{}]""");
        Assert.Equal(
            """["1","2","echo:a","phx_reply",{"status":"error","response":{"reason":"event too long"}}]""",
            await socket.NextAsync());
        Assert.Equal(["event_too_long"], dropped.Reasons);
    }

    private static string Echo(int number, int length) =>
        $$"""["1","{{number}}","echo:a","echo",{"x":"{{new string('x', length)}}"}]""";

    private static async Task JoinAsync(WebSocket socket, string topic = "echo:a")
    {
        await socket.SendAsync($$"""["1","1","{{topic}}","phx_join",{}]""");
        Assert.Equal(
            $$$"""["1","1","{{{topic}}}","phx_reply",{"status":"ok","response":{}}]""", await socket.NextAsync());
    }
}
