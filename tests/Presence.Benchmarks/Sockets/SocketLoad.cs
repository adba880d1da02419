using System.Diagnostics;
using Presence.Benchmarks.Measuring;

namespace Presence.Benchmarks.Sockets;

/// <summary>The steps of the socket baseline, each against a fresh server.</summary>
internal static class SocketLoad
{
    private const int InFlight = 64;

    /// <summary>Time until the memory of an idle server is stable.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(2);

    /// <summary>Time until messages in transit have arrived.</summary>
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(90);

    /// <summary>Measures idle sockets, each with at most one channel in its own topic.</summary>
    /// <param name="sockets">Number of sockets.</param>
    /// <param name="topic">Prefix of the topics; null for no channel.</param>
    public static async Task<Dictionary<string, double>> IdleAsync(int sockets, string? topic)
    {
        using var server = await ServerProcess.StartAsync();
        await WarmUpAsync(server, topic);
        var (resident, processor, begun) = (server.Resident, server.Processor, Stopwatch.GetTimestamp());
        var clients = await ConnectAsync(server, sockets, async client =>
        {
            if (topic is not null)
            {
                await client.JoinAsync($"{topic}:{client.Number}");
                if (topic == "room")
                {
                    await client.KnowsAsync(1);
                }
            }
        });
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        await Task.Delay(Settling);
        var figures = new Dictionary<string, double>
        {
            ["memory"] = (server.Resident - resident) / 1024.0 / sockets,
            ["seconds"] = seconds,
            ["processor"] = server.Processor - processor,
        };
        Release(clients);
        return figures;
    }

    /// <summary>Measures one topic with all clients: single messages, then a burst.</summary>
    public static Task<Dictionary<string, double>> BroadcastAsync(int sockets, int messages, int burst) =>
        BroadcastAsync(() => ServerProcess.StartAsync(), i => new LoadClient(i), sockets, messages, burst);

    /// <summary>Measures the same with any server and its clients.</summary>
    public static async Task<Dictionary<string, double>> BroadcastAsync<T>(
        Func<Task<ServerProcess>> start, Func<int, T> create, int sockets, int messages, int burst)
        where T : ILoadClient
    {
        const string Topic = "plain:all";
        using var server = await start();
        await WarmUpAsync(server, create, client => client.JoinAsync("plain:warm"));
        var resident = server.Resident;
        var clients = await ConnectAsync(server, sockets, create, client => client.JoinAsync(Topic));
        await Task.Delay(Quiet);
        var memory = (server.Resident - resident) / 1024.0 / sockets;
        var arrivals = new Arrivals([.. clients], Topic);
        await arrivals.OfAsync(50, pause: 5);
        await Task.Delay(Breath);

        var processor = server.Processor;
        var times = await arrivals.OfAsync(messages, pause: 100);
        processor = (server.Processor - processor) / messages;
        var begun = Stopwatch.GetTimestamp();
        await arrivals.BurstAsync(burst);
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        Release(clients);
        return new()
        {
            ["memory"] = memory,
            ["p50"] = Statistics.Percentile(times, 0.5),
            ["p99"] = Statistics.Percentile(times, 0.99),
            ["processor"] = processor * 1000,
            ["deliveries"] = burst * (double)sockets / seconds,
        };
    }

    /// <summary>Measures a simultaneous join of one topic, until every client lists all.</summary>
    public static async Task<Dictionary<string, double>> JoinStormAsync(int sockets)
    {
        using var server = await ServerProcess.StartAsync();
        await WarmUpAsync(server, "room");
        var clients = await ConnectAsync(server, sockets, _ => Task.CompletedTask);
        var bytes = clients.Sum(client => client.Socket.Bytes);
        var frames = clients.Sum(client => client.Socket.Messages);
        var (processor, begun) = (server.Processor, Stopwatch.GetTimestamp());
        foreach (var client in clients)
        {
            _ = client.JoinAsync("room:storm");
        }

        await Task.WhenAll(clients.Select(client => client.KnowsAsync(sockets))).WaitAsync(Timeout);
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        await Task.Delay(Breath);
        var figures = new Dictionary<string, double>
        {
            ["seconds"] = seconds,
            ["processor"] = server.Processor - processor,
            ["bytes"] = (clients.Sum(client => client.Socket.Bytes) - bytes) / 1024.0 / sockets,
            ["frames"] = (clients.Sum(client => client.Socket.Messages) - frames) / (double)sockets,
            ["state"] = clients.Max(client => client.StateBytes) / 1024.0,
        };
        Release(clients);
        return figures;
    }

    /// <summary>Measures the simultaneous reconnection of all clients of full topics.</summary>
    public static async Task<Dictionary<string, double>> ReconnectAsync(int sockets, int room)
    {
        using var server = await ServerProcess.StartAsync();
        await WarmUpAsync(server, "room");
        var clients = await ConnectAsync(server, sockets, client => client.JoinAsync(Topic(client)));
        await Task.WhenAll(clients.Select(client => client.KnowsAsync(room))).WaitAsync(Timeout);
        await Task.Delay(Breath);
        var (processor, begun) = (server.Processor, Stopwatch.GetTimestamp());
        foreach (var client in clients)
        {
            client.Drop();
        }

        await EachAsync(clients, async client =>
        {
            await client.ConnectAsync(server.Address);
            await client.JoinAsync(Topic(client));
        });
        await Task.WhenAll(clients.Select(client => client.KnowsAsync(room))).WaitAsync(Timeout);
        var figures = new Dictionary<string, double>
        {
            ["seconds"] = Stopwatch.GetElapsedTime(begun).TotalSeconds,
            ["processor"] = server.Processor - processor,
        };
        Release(clients);
        return figures;

        string Topic(LoadClient client) => "room:" + (client.Number / room);
    }

    /// <summary>Warms up the server and waits until it is idle.</summary>
    private static Task WarmUpAsync(ServerProcess server, string? topic) => WarmUpAsync(
        server,
        i => new LoadClient(i),
        client => topic is null ? Task.CompletedTask : client.JoinAsync($"{topic}:warm"));

    private static async Task WarmUpAsync<T>(ServerProcess server, Func<int, T> create, Func<T, Task> then)
        where T : ILoadClient
    {
        for (var round = 0; round < 3; round++)
        {
            var clients = await ConnectAsync(server, 300, create, then);
            await Task.Delay(Breath);
            Release(clients);
            await Task.Delay(Breath);
        }

        await Task.Delay(Quiet);
    }

    private static Task<LoadClient[]> ConnectAsync(ServerProcess server, int sockets, Func<LoadClient, Task> then) =>
        ConnectAsync(server, sockets, i => new LoadClient(i), then);

    private static async Task<T[]> ConnectAsync<T>(
        ServerProcess server, int sockets, Func<int, T> create, Func<T, Task> then)
        where T : ILoadClient
    {
        var clients = Enumerable.Range(0, sockets).Select(create).ToArray();
        await EachAsync(clients, async client =>
        {
            await client.ConnectAsync(server.Address);
            await then(client);
        });
        return clients;
    }

    private static Task EachAsync<T>(T[] clients, Func<T, Task> act) => Parallel.ForEachAsync(
            clients,
            new ParallelOptions { MaxDegreeOfParallelism = InFlight },
            async (client, _) => await act(client))
        .WaitAsync(Timeout);

    private static void Release<T>(T[] clients)
        where T : ILoadClient
    {
        foreach (var client in clients)
        {
            client.Dispose();
        }
    }
}
