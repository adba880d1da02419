using System.Buffers;
using System.IO.Pipelines;

namespace Presence.SignalR.Tests;

public sealed class LargeSegmentTransportTests
{
    private const int People = 300;

    [Fact]
    public async Task State_of_a_large_room_comes_in_few_frames()
    {
        await using var servers = await HubServers.StartAsync(1);
        await FillAsync(servers, "room");
        using var client = await FrameClient.ConnectAsync(servers.AddressOf(0), "/hub");
        await client.SendAsync("""{"type":1,"target":"Push","arguments":["room"]}""");
        var frames = await client.ReceiveAsync();
        var size = frames.Sum();
        Assert.True(size > 100_000, $"The state has {size} bytes.");
        Assert.InRange(frames.Count, 1, (size / LargeSegmentTransport.MaxSegment) + 1);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Large_states_and_diffs_arrive_with_both_protocols_and_stateful_reconnects(
        bool messagePack, bool statefulReconnect)
    {
        await using var servers = await HubServers.StartAsync(1);
        await FillAsync(servers, "room");
        await using var ann = await servers.ConnectAsync(0, "ann", messagePack, "other", statefulReconnect);
        await ann.InvokeAsync("Push", "room");
        await ann.Keys.CountAsync(1);
        await ann.InvokeAsync("Push", "empty");
        await ann.UntilKeysAsync();
        Assert.Equal(People, ann.Keys.All[0].Split(',').Length);
        var text = new string('ü', 30_000);
        await ann.InvokeAsync("TrackText", "empty", "ann", $$"""{"text":"{{text}}"}""");
        await ann.UntilKeysAsync("ann");
        Assert.Equal(text, ann.Metas.Last().GetProperty("text").GetString());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(100, 1)]
    [InlineData(4096, 1)]
    [InlineData(4097, 1)]
    [InlineData(LargeSegmentTransport.MaxSegment, 1)]
    [InlineData(LargeSegmentTransport.MaxSegment + 100, 2)]
    [InlineData(200_000, 7)]
    public async Task Message_is_written_whole_in_as_few_segments_as_fit(int size, int segments)
    {
        var (toClient, fromClient) = (new Pipe(new PipeOptions(pauseWriterThreshold: 0)), new Pipe());
        var transport = new LargeSegmentTransport(new Duplex(fromClient.Reader, toClient.Writer));
        var message = new byte[size];
        new Random(size).NextBytes(message);
        await transport.Output.WriteAsync(message);
        await transport.Output.CompleteAsync();
        var read = await toClient.Reader.ReadAtLeastAsync(size);
        Assert.Equal(message, read.Buffer.ToArray());
        Assert.Equal(segments, Count(read.Buffer));
        Assert.Same(fromClient.Reader, transport.Input);
    }

    [Fact]
    public async Task Write_waits_while_the_client_does_not_read()
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 65_536, resumeWriterThreshold: 32_768));
        var transport = new LargeSegmentTransport(new Duplex(pipe.Reader, pipe.Writer));
        var write = transport.Output.WriteAsync(new byte[100_000]).AsTask();
        Assert.False(write.IsCompleted);
        var read = await pipe.Reader.ReadAtLeastAsync(100_000);
        pipe.Reader.AdvanceTo(read.Buffer.End);
        await write;
    }

    [Fact]
    public async Task Canceled_write_takes_nothing()
    {
        var pipe = new Pipe();
        var transport = new LargeSegmentTransport(new Duplex(pipe.Reader, pipe.Writer));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => transport.Output.WriteAsync(new byte[50_000], new CancellationToken(true)).AsTask());
        await transport.Output.WriteAsync(new byte[10]);
        Assert.Equal(10, (await pipe.Reader.ReadAsync()).Buffer.Length);
    }

    [Fact]
    public async Task Push_that_stops_while_its_client_does_not_read_leaves_the_connection_open()
    {
        var stops = new StopFilter();
        await using var servers = await HubServers.StartAsync(
            1, services: services => services.Configure<HubOptions>(options => options.AddFilter(stops)));
        await FillAsync(servers, "room", metaSize: 60_000);
        using var client = await FrameClient.ConnectAsync(servers.AddressOf(0), "/hub");
        await client.SendAsync("""{"type":1,"target":"Push","arguments":["room"]}""");
        await client.ReceiveFrameAsync();
        await client.SendAsync("""{"type":1,"invocationId":"1","target":"StopPush","arguments":["room"]}""");
        await stops.Stopped.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.InRange((await client.ReceiveAsync()).Sum(), 60_000 * (People - 1), int.MaxValue);
        Assert.Equal("""{"type":3,"invocationId":"1","result":true}""".Length + 1, (await client.ReceiveAsync()).Sum());
    }

    [Fact]
    public async Task Clients_that_do_not_read_a_long_message_keep_it_from_nobody()
    {
        await using var servers = await HubServers.StartAsync(1);
        await FillAsync(servers, "room", metaSize: 60_000);
        var slow = new List<FrameClient>();
        for (var i = 0; i < 2 * Environment.ProcessorCount; i++)
        {
            slow.Add(await FrameClient.ConnectAsync(servers.AddressOf(0), "/hub"));
            await slow[i].SendAsync("""{"type":1,"target":"Push","arguments":["room"]}""");
            await slow[i].ReceiveFrameAsync();
        }

        using var client = await FrameClient.ConnectAsync(servers.AddressOf(0), "/hub");
        await client.SendAsync("""{"type":1,"target":"Push","arguments":["room"]}""");
        Assert.InRange((await client.ReceiveAsync()).Sum(), 60_000 * People, int.MaxValue);
        slow.ForEach(one => one.Dispose());
    }

    private static int Count(ReadOnlySequence<byte> bytes)
    {
        var count = 0;
        foreach (var segment in bytes)
        {
            count += segment.IsEmpty ? 0 : 1;
        }

        return count;
    }

    private static async Task FillAsync(HubServers servers, string room, int metaSize = 400)
    {
        var node = servers.Node(0);
        var session = node.OpenSession();
        for (var i = 0; i < People; i++)
        {
            await node.Tracker.TrackAsync(
                session, room, $"user {i}", PresenceMeta.From(new { text = new string('x', metaSize) }));
        }
    }

    private sealed class StopFilter : IHubFilter
    {
        public TaskCompletionSource Stopped { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async ValueTask<object?> InvokeMethodAsync(
            HubInvocationContext call, Func<HubInvocationContext, ValueTask<object?>> next)
        {
            var result = await next(call);
            if (call.HubMethodName == "StopPush")
            {
                Stopped.TrySetResult();
            }

            return result;
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
