namespace Presence.Harness.Conformance;

/// <summary>Conformance suite for the frames of an <see cref="IClusterTransport"/>.</summary>
/// <remarks>
/// Derive one sealed class per transport and give it the transport's category. The suite does not require order or
/// exactly-once delivery. It requires that frames arrive, because it causes no losses.
/// </remarks>
public abstract class TransportConformance
{
    /// <summary>Returns a cluster without nodes. Skips the test where the transport is unavailable.</summary>
    protected abstract Task<ITestCluster> StartClusterAsync();

    [SkippableFact]
    public async Task Frame_to_one_node_arrives_only_there()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        cluster.A.Transport.Send("b", Frames.Of("to b"));
        await cluster.AtB.UntilAsync("frame", "a");
        // A later frame has arrived, so earlier ones would have too.
        cluster.A.Transport.Send("c", Frames.Of("to c"));
        await cluster.AtC.UntilAsync("frame", "a");
        Assert.Equal(["to b"], Texts(cluster.AtB));
        Assert.Equal(["to c"], Texts(cluster.AtC));
        Assert.Empty(cluster.AtA.Frames);
    }

    [SkippableFact]
    public async Task Broadcast_arrives_at_all_others_and_not_at_its_sender()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        cluster.A.Transport.Broadcast(Frames.Of("to all"));
        await cluster.AtB.UntilAsync("frame", "a");
        await cluster.AtC.UntilAsync("frame", "a");
        cluster.B.Transport.Broadcast(Frames.Of("from b"));
        await cluster.AtA.UntilAsync("frame", "b");
        Assert.All(cluster.AtA.Frames, f => Assert.Equal("b", f.From));
    }

    [SkippableFact]
    public async Task Frames_of_any_size_arrive_unaltered()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        int[] sizes = [0, 1, 5_900, 5_970, 5_980, 6_000, 8_000, 64 * 1024, 1_100_000, cluster.Cluster.MaxFrameBytes];
        foreach (var bytes in sizes)
        {
            var (direct, broadcast) = (Random(bytes, seed: bytes + 1), Random(bytes, seed: bytes + 2));
            cluster.A.Transport.Send("b", new ClusterFrame("direct", 0, direct));
            cluster.A.Transport.Broadcast(new ClusterFrame("broadcast", 0, broadcast));
            await cluster.AtB.FirstAsync($"{bytes} bytes", h => h.Frame.Channel == "direct" && Same(h, direct));
            await cluster.AtC.FirstAsync($"{bytes} bytes", h => h.Frame.Channel == "broadcast" && Same(h, broadcast));
        }
    }

    [SkippableFact]
    public async Task Every_size_around_the_bound_of_a_packet_arrives_unaltered()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        var sent = Enumerable.Range(5_940, 80).Select(size => Random(size, seed: size)).ToList();
        foreach (var body in sent)
        {
            cluster.A.Transport.Send("b", new ClusterFrame("presence", 0, body));
            await cluster.AtB.UntilAsync(all => all.Any(h => Same(h, body)), $"{body.Length} bytes arrived");
        }
    }

    [SkippableFact]
    public async Task Many_small_frames_arrive_unaltered()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        for (var i = 0; i < 5_000; i++)
        {
            cluster.A.Transport.Broadcast(Frames.Of($"small {i}"));
            cluster.B.Transport.Send("a", Frames.Of($"back {i}"));
        }

        await cluster.AtC.UntilAsync(all => Count(all, "a") >= 5_000, "all 5,000 arrived at c");
        await cluster.AtA.UntilAsync(all => Count(all, "b") >= 5_000, "all 5,000 arrived at a");
        Assert.Equal(5_000, Texts(cluster.AtC).Distinct().Count());
        Assert.Equal(5_000, Texts(cluster.AtA).Distinct().Count());
    }

    [SkippableFact]
    public async Task Large_and_small_frames_in_one_stream_arrive_unaltered()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        var sent = Enumerable.Range(0, 200).Select(i => Random(i % 10 == 0 ? 40_000 : i % 3 == 0 ? 3_000 : 20, seed: i))
            .ToList();
        sent.ForEach(body => cluster.C.Transport.Broadcast(new ClusterFrame("presence", 0, body)));
        var expected = sent.Select(Hash).ToHashSet();
        await cluster.AtA.UntilAsync(all => Count(all, "c") >= 200, "all arrived");
        Assert.Equal(expected, cluster.AtA.Frames.Select(f => Hash(f.Frame.Body)).ToHashSet());
    }

    [SkippableFact]
    public async Task Channel_and_shard_arrive_with_the_frame()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        cluster.A.Transport.Send("b", new ClusterFrame("carts-ä", 0, new byte[] { 1 }));
        cluster.A.Transport.Send("b", new ClusterFrame("presence", 3, new byte[] { 2 }));
        await cluster.AtB.UntilAsync(all => Count(all, "a") >= 2, "both arrived");
        Assert.Contains(
            cluster.AtB.Frames, f => f.Frame is { Channel: "carts-ä", Shard: 0 } && f.Frame.Body.Span[0] == 1);
        Assert.Contains(
            cluster.AtB.Frames, f => f.Frame is { Channel: "presence", Shard: 3 } && f.Frame.Body.Span[0] == 2);
    }

    [SkippableFact]
    public async Task Trace_context_arrives_with_the_frame_that_has_one()
    {
        const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        cluster.A.Transport.Broadcast(Frames.Of("traced") with { TraceParent = Trace });
        cluster.A.Transport.Broadcast(Frames.Of("not traced"));
        await cluster.AtB.UntilAsync(all => Count(all, "a") >= 2, "both arrived");
        Assert.Equal([Trace, null], cluster.AtB.Frames.Select(f => f.Frame.TraceParent));
    }

    [SkippableFact]
    public async Task Receiver_that_throws_keeps_receiving()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        cluster.AtB.BeforeFrame = received =>
        {
            if (received.Text.StartsWith("bad", StringComparison.Ordinal))
            {
                throw new InvalidTimeZoneException();
            }
        };
        cluster.A.Transport.Send("b", Frames.Of("bad one"));
        cluster.A.Transport.Broadcast(Frames.Of("bad two"));
        cluster.A.Transport.Send("b", Frames.Of("good one"));
        cluster.A.Transport.Broadcast(Frames.Of("good two"));
        await cluster.AtB.UntilAsync(
            all => all.Any(h => h.Kind == "frame" && h.Text == "good one")
                && all.Any(h => h.Kind == "frame" && h.Text == "good two"), "both good ones arrived");
    }

    [SkippableFact]
    public async Task Frame_to_an_unknown_node_is_dropped_without_effect()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        cluster.A.Transport.Send("nobody", Frames.Of("lost"));
        cluster.A.Transport.Send(new string('x', 255), Frames.Of("lost"));
        cluster.A.Transport.Send("b", Frames.Of("found"));
        await cluster.AtB.UntilAsync("frame", "a");
        Assert.Equal(["found"], Texts(cluster.AtB));
    }

    [SkippableFact]
    public async Task Send_after_the_stop_has_no_effect()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        await cluster.A.StopAsync();
        cluster.A.Transport.Send("b", Frames.Of("late"));
        cluster.A.Transport.Broadcast(Frames.Of("late"));
        Assert.False(
            await cluster.A.Transport.RequestAsync("b", Frames.Of("late?"), new CancellationTokenSource(2_000).Token));
        cluster.C.Transport.Send("b", Frames.Of("last"));
        await cluster.AtB.UntilAsync("frame", "c");
        Assert.DoesNotContain(cluster.AtB.Frames, f => f.From == "a");
    }

    private static string[] Texts(ReceivedFrames at) => [.. at.Frames.Select(f => f.Text).Distinct()];

    private static int Count(IReadOnlyList<ReceivedEvent> all, string from) =>
        all.Count(h => h.Kind == "frame" && h.From == from);

    private static bool Same(ReceivedEvent received, byte[] body) =>
        received.Kind == "frame" && received.Frame.Body.Span.SequenceEqual(body);

    private static string Hash(byte[] body) => Convert.ToHexString(SHA256.HashData(body));

    private static string Hash(ReadOnlyMemory<byte> body) => Convert.ToHexString(SHA256.HashData(body.Span));

    private static byte[] Random(int size, int seed)
    {
        var body = new byte[size];
        new Random(seed).NextBytes(body);
        return body;
    }
}
