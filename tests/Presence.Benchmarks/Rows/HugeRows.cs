namespace Presence.Benchmarks.Rows;

/// <summary>
/// A node that joins one with a million presences; and a node with ten million presences of as many sessions in a
/// thousand topics, with reads of another topic while two callers track and untrack.
/// </summary>
internal static class HugeRows
{
    private const string Group = "huge";
    private const int Present = 10_000_000;
    private const int Changed = 100_000;

    private static readonly TimeSpan UntilSteady = TimeSpan.FromSeconds(3);

    private static readonly OneRun Saturated = new(effort => ReadAsync(effort, perSecond: null));
    private static readonly OneRun Paced = new(effort => ReadAsync(effort, perSecond: 10_000));

    public static IEnumerable<Row> All =>
    [
        InOwnProcess(new(Group, "late joiner holds 1000000, quiet", "ms", _ =>
            ClusterRows.LateJoinerAsync(1_000_000, updated: 0))),
        InOwnProcess(new(Group, "late joiner holds 1000000, after 10000 updates", "ms", _ =>
            ClusterRows.LateJoinerAsync(1_000_000, updated: 10_000))),
        InOwnProcess(new(Group, $"tracked presence, {Present}, whole process", "B", MemoryAsync)),
        .. ReadRows($"list 10 at 10000/s beside {Present} while 2 callers track", Saturated),
        .. ReadRows($"list 10 at 10000/s beside {Present} while 10000/s join and leave", Paced),
    ];

    private static IEnumerable<Row> ReadRows(string name, OneRun run) =>
    [
        InOwnProcess(new(Group, $"{name}, p99", "us", run.Percentile(0.99))),
        InOwnProcess(new(Group, $"{name}, max", "us", run.Percentile(1))),
    ];

    private static Row InOwnProcess(Row row) => row with { NeedsOwnProcess = true };

    private static async Task<double> MemoryAsync(Effort effort)
    {
        await using var nodes = await Nodes.StartAsync(1);
        await nodes[0].Tracker.TrackAsync(nodes[0].OpenSession(), "warm", "up");
        var without = Memory.WholeProcess();
        await FillAsync(nodes[0]);
        return (Memory.WholeProcess() - without) / (double)Present;
    }

    /// <summary>Reads at a fixed rate while presences come and go.</summary>
    /// <param name="effort">Watches six times as long if changes are paced, because collections are rarer.</param>
    /// <param name="perSecond">Changes per second of both callers; null for as many as they can.</param>
    private static async Task<IReadOnlyList<double>> ReadAsync(Effort effort, int? perSecond)
    {
        await using var nodes = await Nodes.StartAsync(1);
        var node = nodes[0];
        await FillAsync(node);
        for (var i = 0; i < 10; i++)
        {
            await node.Tracker.TrackAsync(node.OpenSession(), "small", People.Key(i), People.Meta(i));
        }

        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 2)
            .Select(i => Task.Run(() => ChangeAsync(node, i, perSecond / 2, stop.Token)))
            .ToArray();
        await Task.Delay(UntilSteady);
        var times = await OpenLoop.RunAsync(
            10_000, effort.Watching * (perSecond is null ? 1 : 6), ahead: true, () => Visit(node.Tracker));
        await stop.CancelAsync();
        await Task.WhenAll(writers);
        return times;
    }

    private static async Task FillAsync(IPresenceNode node)
    {
        for (var i = 0; i < Present; i++)
        {
            await node.Tracker.TrackAsync(node.OpenSession(), People.Topic(i % 1000), People.Key(i), People.Meta(i));
        }
    }

    /// <summary>Tracks and untracks presences in topics that have ten thousand others.</summary>
    private static async Task ChangeAsync(IPresenceNode node, int caller, int? perSecond, CancellationToken stop)
    {
        var session = node.OpenSession();
        var begun = Stopwatch.GetTimestamp();
        var changes = 0L;
        while (!stop.IsCancellationRequested)
        {
            for (var i = 0; i < Changed && !stop.IsCancellationRequested; i++)
            {
                await node.Tracker.TrackAsync(
                    session, People.Topic(i % 1000), Key(i), People.Meta(i), CancellationToken.None);
                await PaceAsync();
            }

            for (var i = 0; i < Changed && !stop.IsCancellationRequested; i++)
            {
                await node.Tracker.UntrackAsync(session, People.Topic(i % 1000), Key(i), CancellationToken.None);
                await PaceAsync();
            }

            await node.Tracker.UntrackAllAsync(session, CancellationToken.None);
        }

        string Key(int i) => $"changed {caller} {i}";

        async ValueTask PaceAsync()
        {
            changes++;
            while (Stopwatch.GetElapsedTime(begun).TotalSeconds * perSecond < changes)
            {
                await Task.Delay(millisecondsDelay: 1, CancellationToken.None);
            }
        }
    }

    private static int Visit(IPresenceTracker tracker)
    {
        var bytes = 0;
        foreach (var entry in tracker.List("small"))
        {
            bytes += entry.Meta.Length;
        }

        return bytes;
    }
}
