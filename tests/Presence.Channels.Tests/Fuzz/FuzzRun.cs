using Presence.Channels.Runtime;
using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Fuzz;

/// <summary>Hostile clients on one server, and a well-behaved one among them.</summary>
internal sealed class FuzzRun : IDisposable
{
    private const int Hostile = 12;

    /// <summary>Frames between two checks of the other client.</summary>
    private const int Round = 2000;

    private static readonly IFrameSerializer[] Serializers =
        [FrameSerializers.V1, FrameSerializers.V2, FrameSerializers.WithoutBinaryFrames(FrameSerializers.V2)];

    private readonly Harness _harness = new();
    private readonly SocketRoutes _routes = new SocketRoutes(typeof(OpenSocket)).Channel<FuzzChannel>("fuzz:*");
    private readonly TestClient _neighbour;
    private readonly (SocketConnection Session, NullTransport Transport)[] _hostile;
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
        await _neighbour.JoinAsync("echo:other");
        var maker = new FrameMaker(_seed);
        var memory = 0L;
        for (var i = 0; i < frames; i++)
        {
            if (i % Round == 0)
            {
                await LookAtNeighbourAsync(i);
                // The first rounds include one-time allocations.
                memory = i == 5 * Round ? GC.GetTotalMemory(forceFullCollection: true) : memory;
            }

            var at = i % Hostile;
            var (bytes, binary) = maker.Next(v1: at % Serializers.Length == 0);
            await SendAsync(at, bytes, binary, i);
        }

        await EndAsync();
        var grown = GC.GetTotalMemory(forceFullCollection: true) - memory;
        Assert.True(grown < 4 << 20, $"seed {_seed}: {grown} bytes more after {frames} frames");
        Assert.True(_harness.Counted("presence.frames.dropped:malformed") > frames / 100, "frames were rejected");
        Assert.True(_harness.Counted("presence.channel.failures:channel") > frames / 1000, "channels failed");
    }

    public void Dispose() => _harness.Dispose();

    private async Task SendAsync(int at, byte[] bytes, bool binary, int number)
    {
        var (connection, transport) = _hostile[at];
        try
        {
            await connection.ReceiveAsync(bytes, binary).AsTask().WaitAsync(TestClient.Timeout);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException(
                $"seed {_seed}, frame {number}, binary {binary}: {Convert.ToHexString(bytes)}", e);
        }

        if (transport.CloseCode is not null)
        {
            Closed++;
            End(connection);
            _hostile[at] = Connect(at);
        }
    }

    /// <summary>Asserts that the other client gets its answers and nothing else.</summary>
    private async Task LookAtNeighbourAsync(int number)
    {
        await _neighbour.ExpectAsync(
            $$"""["1","{{number}}","echo:other","echo",{"n":{{number}}}]""",
            $$$"""["1","{{{number}}}","echo:other","phx_reply",{"status":"ok","response":{"n":{{{number}}}}}]""");
        await _neighbour.ExpectNothingAsync();
    }

    /// <summary>Asserts that nothing of the hostile clients is left after they have disconnected.</summary>
    private async Task EndAsync()
    {
        foreach (var (connection, _) in _hostile)
        {
            End(connection);
        }

        var timeout = new CancellationTokenSource(TestClient.Timeout);
        while (_harness.Node.Watchers > 0 || _harness.Node.Subscribers > 1 || _harness.Counted("presence.channels") > 1)
        {
            Assert.False(
                timeout.IsCancellationRequested,
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

    private (SocketConnection, NullTransport) Connect(int at)
    {
        var transport = new NullTransport();
        var connection = new SocketConnection(
            _harness.Server, new OpenSocket("hostile"), _routes, Serializers[at % Serializers.Length], transport);
        Assert.True(_harness.Server.Sockets.TryAdd(connection));
        connection.Open();
        return (connection, transport);
    }

    private void End(SocketConnection connection)
    {
        connection.End();
        _harness.Server.Sockets.Remove(connection);
    }
}
