using System.Net.Http;
using Presence.Benchmarks.Measuring;
using Presence.Benchmarks.Sockets;

namespace Presence.Benchmarks.Hubs;

/// <summary>The steps of the comparison with hand-written hubs and events, each against a fresh server.</summary>
internal static class HubLoad
{
    private const int InFlight = 64;
    private const int RoomSize = 50;
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(120);

    /// <summary>Measures a simultaneous join of one room, until every client knows all.</summary>
    public static async Task<Dictionary<string, double>> JoinStormAsync(string hub, int connections)
    {
        using var server = await ServerProcess.StartAsync(HubHost.Verb);
        await WarmUpAsync(server, hub);
        var clients = await ConnectAsync(server, hub, connections, _ => Task.CompletedTask);
        var (processor, begun) = (server.Processor, Stopwatch.GetTimestamp());
        foreach (var client in clients)
        {
            client.Invoke("Join", "storm");
        }

        await Task.WhenAll(clients.Select(client => client.KnowsAsync(connections))).WaitAsync(Timeout);
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        Release(clients);
        return new() { ["seconds"] = seconds, ["processor"] = server.Processor - processor };
    }

    /// <summary>Measures connections at rest: without presence, or each present in a room of 50.</summary>
    public static async Task<Dictionary<string, double>> MemoryAsync(string hub, int connections)
    {
        using var server = await ServerProcess.StartAsync(HubHost.Verb);
        await WarmUpAsync(server, hub);
        var (atFirst, resident) = (server.Resident, await CollectedAsync(server));
        var clients = await ConnectAsync(server, hub, connections, async client =>
        {
            client.Invoke("Join", $"room {client.Number / RoomSize}");
            await (hub == "bare" ? Task.CompletedTask : client.KnowsAsync(1));
        });
        await Task.Delay(Settling);
        var memory = (server.Resident - atFirst) / 1024.0 / connections;
        var collected = (await CollectedAsync(server) - resident) / 1024.0 / connections;
        Release(clients);
        return new() { ["memory"] = memory, ["collected"] = collected };
    }

    /// <summary>Returns the memory of the server without its garbage.</summary>
    private static async Task<long> CollectedAsync(ServerProcess server)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://{server.Address}") };
        using var response = await http.GetAsync(new Uri("/collect", UriKind.Relative));
        response.EnsureSuccessStatusCode();
        return server.Resident;
    }

    /// <summary>Measures changes of one presence, each until all connections of its room have received it.</summary>
    public static async Task<Dictionary<string, double>> DiffAsync(string hub, int connections, int changes)
    {
        using var server = await ServerProcess.StartAsync(HubHost.Verb);
        await WarmUpAsync(server, hub);
        var clients = await ConnectAsync(server, hub, connections, _ => Task.CompletedTask);
        foreach (var client in clients)
        {
            client.Invoke("Join", "one");
        }

        await (hub == "bare"
            ? Task.Delay(Settling)
            : Task.WhenAll(clients.Select(client => client.KnowsAsync(connections))).WaitAsync(Timeout));
        await Task.Delay(Quiet);
        var arrivals = new AllArrivals(connections);
        foreach (var client in clients)
        {
            client.Received = arrivals.OnReceived;
        }

        var figures = await arrivals.MeasureAsync(
            server, changes, i =>
            {
                clients[i % clients.Length].Invoke("Touch", "one");
                return Task.CompletedTask;
            });
        Release(clients);
        return figures;
    }

    /// <summary>Measures changes, each until all readers of server-sent events have received it.</summary>
    public static async Task<Dictionary<string, double>> EventsAsync(
        string path, string touch, int readers, int changes)
    {
        using var server = await ServerProcess.StartAsync(HubHost.Verb);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{server.Address}") };
        var sockets = Enumerable.Range(0, readers).Select(_ => new LoadSocket()).ToArray();
        await Parallel.ForEachAsync(
            sockets,
            new ParallelOptions { MaxDegreeOfParallelism = InFlight },
            async (socket, _) => await socket.StreamAsync(server.Address, path)).WaitAsync(Timeout);
        await Task.Delay(Quiet);
        var arrivals = new AllArrivals(readers);
        foreach (var socket in sockets)
        {
            socket.Received = (_, bytes) =>
            {
                if (bytes.IndexOf("event: diff"u8) >= 0)
                {
                    arrivals.OnReceived(Stopwatch.GetTimestamp());
                }
            };
        }

        var figures = await arrivals.MeasureAsync(server, changes, async _ => await http.GetAsync(touch));
        foreach (var socket in sockets)
        {
            socket.Dispose();
        }

        return figures;
    }

    private static async Task WarmUpAsync(ServerProcess server, string hub)
    {
        for (var round = 0; round < 3; round++)
        {
            var clients = await ConnectAsync(server, hub, 200, client =>
            {
                client.Invoke("Join", "warm");
                return Task.CompletedTask;
            });
            await Task.Delay(Quiet);
            Release(clients);
        }

        await Task.Delay(Quiet);
    }

    private static async Task<HubClient[]> ConnectAsync(
        ServerProcess server, string hub, int connections, Func<HubClient, Task> then)
    {
        var clients = Enumerable.Range(0, connections).Select(i => new HubClient(i)).ToArray();
        await Parallel.ForEachAsync(
            clients,
            new ParallelOptions { MaxDegreeOfParallelism = InFlight },
            async (client, _) =>
            {
                await client.ConnectAsync(server.Address, hub);
                await then(client);
            }).WaitAsync(Timeout);
        return clients;
    }

    private static void Release(HubClient[] clients)
    {
        foreach (var client in clients)
        {
            client.Dispose();
        }
    }

    /// <summary>Waits until a change has arrived everywhere.</summary>
    private sealed class AllArrivals(int receivers)
    {
        private const int WarmUps = 20;
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

        private TaskCompletionSource<long> _all = new();
        private int _received;

        public void OnReceived(long time)
        {
            if (Interlocked.Increment(ref _received) == receivers)
            {
                _all.TrySetResult(time);
            }
        }

        /// <returns>The median and 99th percentile of milliseconds until all have it; processor time of each.</returns>
        public async Task<Dictionary<string, double>> MeasureAsync(
            ServerProcess server, int changes, Func<int, Task> change)
        {
            var (times, processor) = (new List<double>(), 0.0);
            for (var i = -WarmUps; i < changes; i++)
            {
                if (i == 0)
                {
                    processor = server.Processor;
                }

                await Task.Delay(Pause);
                (_all, _received) = (new(TaskCreationOptions.RunContinuationsAsynchronously), 0);
                var begun = Stopwatch.GetTimestamp();
                var changing = change(i + WarmUps);
                var arrived = await _all.Task.WaitAsync(TimeSpan.FromSeconds(30));
                await changing;
                if (i >= 0)
                {
                    times.Add(Stopwatch.GetElapsedTime(begun, arrived).TotalMilliseconds);
                }
            }

            return new()
            {
                ["p50"] = Statistics.Median(times),
                ["p99"] = Statistics.Percentile(times, 0.99),
                ["processor"] = (server.Processor - processor) * 1000 / changes,
            };
        }
    }
}
