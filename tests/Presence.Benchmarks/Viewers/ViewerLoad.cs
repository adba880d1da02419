using System.Net.Http;
using Presence.Benchmarks.Sockets;

namespace Presence.Benchmarks.Viewers;

/// <summary>Viewers of one large topic, against a fresh server.</summary>
internal static class ViewerLoad
{
    private const int InFlight = 64;
    private const int Seconds = 10;
    private const int WarmUp = 3;
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(180);

    /// <summary>Measures what viewers receive, and what it costs, while a thousand a second join.</summary>
    /// <param name="path">What the viewers open.</param>
    /// <param name="isStream">Whether it is a stream of events; otherwise a WebSocket.</param>
    /// <param name="isRaw">Whether loops write to the viewers; the joins are to a topic without viewers then.</param>
    /// <param name="viewers">The number of viewers.</param>
    public static async Task<Dictionary<string, double>> MeasureAsync(
        string path, bool isStream, bool isRaw, int viewers)
    {
        using var server = await ServerProcess.StartAsync(ViewerHost.Verb);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{server.Address}") };
        var messages = 0L;
        var sockets = Enumerable.Range(0, viewers).Select(_ => new LoadSocket { Received = Count }).ToArray();
        var resident = server.Resident;
        await Parallel.ForEachAsync(
            sockets,
            new ParallelOptions { MaxDegreeOfParallelism = InFlight },
            async (socket, _) =>
            {
                await (isStream ? socket.StreamAsync(server.Address, path) : socket.ConnectAsync(server.Address, path));
                if (!isStream && !isRaw)
                {
                    socket.Send("""["1","1","crowd","phx_join",{}]""");
                }
            }).WaitAsync(Timeout);
        await Task.Delay(Quiet);
        var memory = (server.Resident - resident) / 1024.0 / viewers;
        var topic = isRaw ? "other" : "crowd";
        using var started = await http.GetAsync(
            new Uri($"{ViewerHost.JoinPath}?topic={topic}&seconds={WarmUp + Seconds + 2}", UriKind.Relative));
        started.EnsureSuccessStatusCode();
        await Task.Delay(TimeSpan.FromSeconds(WarmUp));
        var (bytes, before, processor) =
            (sockets.Sum(socket => socket.Bytes), Interlocked.Read(ref messages), server.Processor);
        await Task.Delay(TimeSpan.FromSeconds(Seconds));
        var received = Interlocked.Read(ref messages) - before;
        var figures = new Dictionary<string, double>
        {
            ["bytes"] = (sockets.Sum(socket => socket.Bytes) - bytes) / (double)Seconds / viewers,
            ["messages"] = received / (double)Seconds / viewers,
            ["processor"] = (server.Processor - processor) * 1e6 / received,
            ["memory"] = memory,
        };
        foreach (var socket in sockets)
        {
            socket.Dispose();
        }

        return figures;

        void Count(LoadSocket socket, ReadOnlySpan<byte> received)
        {
            for (var rest = received; rest.IndexOf("\"count\":"u8) is var at and >= 0; rest = rest[(at + 1)..])
            {
                Interlocked.Increment(ref messages);
            }
        }
    }
}
