using System.Collections.Concurrent;
using Presence.Benchmarks.Peers;
using Presence.Benchmarks.Sockets;

namespace Presence.Benchmarks.Rows;

/// <summary>What others make for the same purpose, beside Presence in one run.</summary>
internal static class PeerRows
{
    private const string Group = "peers";
    private const int ChangesPerSecond = 10;
    private const int WarmUps = 50;
    private const int Crowd = 100_000;
    private const int Topics = 1000;

    private const string Shortened =
        """
        akka.cluster.distributed-data.gossip-interval = 200 ms
        akka.cluster.distributed-data.notify-subscribers-interval = 20 ms
        """;

    /// <summary>
    /// With the default of 128,000 bytes, the replicator's messages of 500 topics with 100 presences are discarded.
    /// </summary>
    private const string LargeFrames =
        """
        akka.remote.dot-netty.tcp.maximum-frame-size = 64 MB
        akka.remote.dot-netty.tcp.send-buffer-size = 64 MB
        akka.remote.dot-netty.tcp.receive-buffer-size = 64 MB
        """;

    public static IEnumerable<Row> All =>
    [
        .. Broadcast(
            "raw Kestrel WebSockets", () => ServerProcess.StartAsync(WebSocketHost.Verb), _ => new RawClient()),
        .. Broadcast("socket.io on Node.js", SocketIoServer.StartAsync, _ => new SocketIoClient()),
        .. Broadcast("Presence.Channels", () => ServerProcess.StartAsync(), i => new LoadClient(i)),
        .. Change("Akka.NET DistributedData, default options", effort => AkkaChangesAsync(effort, "")),
        .. Change(
            "Akka.NET DistributedData, gossip every 200 ms, subscribers every 20 ms",
            effort => AkkaChangesAsync(effort, Shortened)),
        .. Change("Presence.Orleans, default options", PresenceChangesAsync),
        new(Group, "late joiner holds 100000, Akka.NET DistributedData, frames of up to 64 MB", "ms", _ =>
            AkkaLateJoinerAsync()),
        new(Group, "late joiner holds 100000, Presence.Orleans, default options", "ms", _ =>
            OrleansClusterRows.LateJoinerAsync()),
    ];

    private static IEnumerable<Row> Broadcast<T>(
        string server, Func<Task<ServerProcess>> start, Func<int, T> create)
        where T : ILoadClient => Row.OfOneRun(
            Group,
            sockets => SocketLoad.BroadcastAsync(start, create, sockets, 30, 60),
            5000,
            500,
            ($"broadcast to 5000, {server}, delivery p50", "ms", "p50"),
            ($"broadcast to 5000, {server}, delivery p99", "ms", "p99"),
            ($"broadcast to 5000, {server}, server CPU per message", "ms", "processor"),
            ($"burst to 5000, {server}", "deliveries/s", "deliveries"));

    private static IEnumerable<Row> Change(string nodes, Func<Effort, Task<IReadOnlyList<double>>> measure)
    {
        var run = new OneRun(measure);
        return
        [
            new(Group, $"change to subscriber on another node at 10/s, {nodes}, p50", "ms", run.Percentile(0.5)),
            new(Group, $"change to subscriber on another node at 10/s, {nodes}, p99", "ms", run.Percentile(0.99)),
        ];
    }

    private static async Task<IReadOnlyList<double>> PresenceChangesAsync(Effort effort)
    {
        await using var silos = await OrleansSilos.StartAsync(2);
        var joins = new Joins();
        await using var listening = await silos.ServiceOf<IPresenceClient>(1)
            .SubscribeAsync("lobby", joins.OnChangesAsync);
        var session = silos[0].OpenSession();
        return await PacedAsync(effort, i => joins.TimeAsync(silos[0], session, i));
    }

    private static async Task<IReadOnlyList<double>> AkkaChangesAsync(Effort effort, string settings)
    {
        var expected = new ConcurrentDictionary<string, TaskCompletionSource<long>>();
        await using var nodes = await AkkaNodes.StartAsync(2, settings);
        nodes.Subscribe(1, ["lobby"], (_, lobby) =>
        {
            var now = Stopwatch.GetTimestamp();
            foreach (var key in expected.Keys.Where(lobby.ContainsKey))
            {
                if (expected.TryRemove(key, out var waiting))
                {
                    waiting.SetResult(now);
                }
            }
        });
        return await PacedAsync(effort, async i =>
        {
            var arrived = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
            expected[People.Key(i)] = arrived;
            var begun = Stopwatch.GetTimestamp();
            await nodes.TrackAsync(0, "lobby", [i]);
            var end = await arrived.Task.WaitAsync(TimeSpan.FromSeconds(30));
            return Stopwatch.GetElapsedTime(begun, end).TotalMilliseconds;
        });
    }

    /// <summary>Changes at a fixed rate, whether earlier changes have arrived or not.</summary>
    private static async Task<IReadOnlyList<double>> PacedAsync(Effort effort, Func<int, Task<double>> change)
    {
        var times = new List<Task<double>>();
        await OrleansWatchRows.PaceAsync(
            ChangesPerSecond, WarmUps + effort.Latencies, i => times.Add(change(i)));
        return (await Task.WhenAll(times))[WarmUps..];
    }

    /// <summary>Measures from the start of a node until its subscriber has every presence of another node.</summary>
    private static async Task<double> AkkaLateJoinerAsync()
    {
        const int InTopic = Crowd / Topics;
        await using var nodes = await AkkaNodes.StartAsync(1, LargeFrames);
        for (var topic = 0; topic < Topics; topic++)
        {
            await nodes.TrackAsync(0, People.Topic(topic), Enumerable.Range(topic * InTopic, InTopic));
        }

        var complete = new ConcurrentDictionary<string, bool>();
        var begun = Stopwatch.GetTimestamp();
        await nodes.AddAsync();
        nodes.Subscribe(1, Enumerable.Range(0, Topics).Select(People.Topic), (topic, people) =>
        {
            if (people.Count == InTopic)
            {
                complete[topic] = true;
            }
        });
        await Nodes.UntilAsync(() => complete.Count == Topics, $"the joiner has all {Crowd}");
        return Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
    }
}
