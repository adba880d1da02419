namespace Presence.Channels.Tests.Fuzz;

/// <summary>Hostile clients on one server, and a well-behaved one among them.</summary>
internal sealed class FuzzRun : IDisposable
{
    private const int Hostile = 12;

    /// <summary>Between two looks at the neighbour.</summary>
    private const int Round = 2000;

    private static readonly IFrameSerializer[] Serializers =
        [FrameSerializers.V1, FrameSerializers.V2, FrameSerializers.WithoutBinaryFrames(FrameSerializers.V2)];

    private readonly Harness _harness = new();
    private readonly SocketRoutes _routes = new SocketRoutes(typeof(OpenSocket)).Channel<FuzzChannel>("fuzz:*");
    private readonly TestClient _neighbour;
    private readonly (SocketSession Session, NullTransport Transport)[] _hostile;
    private readonly int _seed;

    public FuzzRun(int seed)
    {
        _seed = seed;
        _neighbour = _harness.Connect();
        _hostile = [.. Enumerable.Range(0, Hostile).Select(Connect)];
    }

    public long Closed { get; private set; }

    public async Task RunAsync(int frames)
    {
        await _neighbour.JoinAsync("echo:neighbour");
        var maker = new FrameMaker(_seed);
        var memory = 0L;
        for (var i = 0; i < frames; i++)
        {
            if (i % Round == 0)
            {
                await LookAtNeighbourAsync(i);
                // The first rounds pay for what is made once.
                memory = i == 5 * Round ? GC.GetTotalMemory(forceFullCollection: true) : memory;
            }

            var at = i % Hostile;
            var (bytes, binary) = maker.Next(v1: at % Serializers.Length == 0);
            await SendAsync(at, bytes, binary, i);
        }

        await EndAsync();
        var grown = GC.GetTotalMemory(forceFullCollection: true) - memory;
        Assert.True(grown < 4 << 20, $"seed {_seed}: {grown} bytes more after {frames} frames");
        Assert.True(_harness.Counted("presence.frames.dropped:malformed") > frames / 100, "frames were refused");
        Assert.True(_harness.Counted("presence.channels.crashed:channel") > frames / 1000, "channels crashed");
    }

    public void Dispose() => _harness.Dispose();

    private async Task SendAsync(int at, byte[] bytes, bool binary, int number)
    {
        var (session, transport) = _hostile[at];
        try
        {
            await session.ReceiveAsync(bytes, binary).AsTask().WaitAsync(TestClient.Patience);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {_seed}, frame {number}, binary {binary}: {Convert.ToHexString(bytes)}", e);
        }

        if (transport.CloseCode is not null)
        {
            Closed++;
            End(session);
            _hostile[at] = Connect(at);
        }
    }

    /// <summary>The same answers as if nobody else were here, and nothing that was not meant for it.</summary>
    private async Task LookAtNeighbourAsync(int number)
    {
        await _neighbour.ExpectAsync(
            $$"""["1","{{number}}","echo:neighbour","echo",{"n":{{number}}}]""",
            $$$"""["1","{{{number}}}","echo:neighbour","phx_reply",{"status":"ok","response":{"n":{{{number}}}}}]""");
        await _neighbour.ExpectNothingAsync();
    }

    /// <summary>When all hostile clients are gone, so is everything that they caused.</summary>
    private async Task EndAsync()
    {
        foreach (var (session, _) in _hostile)
        {
            End(session);
        }

        var patience = new CancellationTokenSource(TestClient.Patience);
        while (_harness.Node.Watchers > 0 || _harness.Node.Subscribers > 1 || _harness.Counted("presence.channels") > 1)
        {
            Assert.False(
                patience.IsCancellationRequested,
                $"seed {_seed}: {_harness.Node.Watchers} views, {_harness.Node.Subscribers} subscriptions, "
                + $"{_harness.Counted("presence.channels")} channels are left");
            await Task.Yield();
        }

        Assert.Equal(1, _harness.Server.Sockets.Count);
        foreach (var topic in new[] { "fuzz:1", "fuzz:2", "fuzz:3" })
        {
            Assert.Equal(0, _harness.Node.Count(topic));
        }

        await LookAtNeighbourAsync(-1);
    }

    private (SocketSession, NullTransport) Connect(int at)
    {
        var transport = new NullTransport();
        var session = new SocketSession(
            _harness.Server, new OpenSocket("hostile"), _routes, Serializers[at % Serializers.Length], transport);
        Assert.True(_harness.Server.Sockets.TryAdd(session));
        session.Open();
        return (session, transport);
    }

    private void End(SocketSession session)
    {
        session.End();
        _harness.Server.Sockets.Remove(session);
    }
}
