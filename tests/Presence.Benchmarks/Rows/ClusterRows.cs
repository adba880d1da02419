using Presence.TestKit;

namespace Presence.Benchmarks.Rows;

/// <summary>
/// Two nodes with default options. Changes and the late joiner run on the in-memory transport in real time. A killed
/// node is simulated with the real shard and codec, in virtual time.
/// </summary>
internal static class ClusterRows
{
    private const string Group = "cluster";

    private static readonly OneRun Change = new(ChangeAsync);

    public static IEnumerable<Row> All =>
    [
        new(Group, "change to handler on another node, p50", "ms", Change.Percentile(0.5)),
        new(Group, "change to handler on another node, p99", "ms", Change.Percentile(0.99)),
        new(Group, "late joiner holds 100000, quiet", "ms", _ => LateJoinerAsync(100_000, updated: 0)),
        new(Group, "late joiner holds 100000, after 10000 updates", "ms", _ => LateJoinerAsync(100_000, 10_000)),
        new(Group, "late joiner holds 200000, after 10000 updates", "ms", _ => LateJoinerAsync(200_000, 10_000)),
        Row.Of(Group, "killed node's leaves, quiet", "ms", effort => Killed(effort, churn: false)),
        Row.Of(Group, "killed node's leaves, under churn", "ms", effort => Killed(effort, churn: true)),
    ];

    private static async Task<IReadOnlyList<double>> ChangeAsync(Effort effort)
    {
        await using var nodes = await Nodes.StartAsync(2);
        var joins = new Joins();
        await using var added = await nodes[1].Tracker.AddHandlerAsync(joins);
        return await joins.MeasureAsync(effort, nodes[0]);
    }

    /// <summary>Measures from the start of a node until it lists all presences of another one.</summary>
    public static async Task<double> LateJoinerAsync(int count, int updated)
    {
        await using var nodes = await Nodes.StartAsync(1);
        var session = await Nodes.FillAsync(nodes[0], count);
        for (var i = 0; i < updated; i++)
        {
            var at = i * (count / updated);
            await nodes[0].Tracker.UpdateAsync(session, People.Topic(at % 1000), People.Key(at), People.Meta(at, 1));
        }

        var begun = Stopwatch.GetTimestamp();
        var joiner = await nodes.AddAsync();
        await Nodes.UntilAsync(() => Nodes.Entries(joiner.Tracker) == count, $"the joiner lists all {count}");
        return Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
    }

    private static double Killed(Effort effort, bool churn) =>
        Statistics.Median(Enumerable.Range(0, effort.Heavy + 2).Select(i => Killed((ulong)(1 + i), churn)).ToList());

    private static double Killed(ulong seed, bool churn)
    {
        var cluster = new SimulatedCluster(seed, new SimulatedClusterOptions
        {
            Tracker = new TrackerOptions(),
            ProbeTimeout = TimeSpan.FromSeconds(1),
        });
        var a = cluster.Start("a");
        var b = cluster.Start("b");
        var process = a.OpenSession();
        var requests = Enumerable.Range(0, 1000)
            .Select(i => new TrackRequest(People.Topic(i % 10), People.Key(i), People.Meta(i)));
        a.TrackMany(process, [.. requests]);

        // As in the baseline, 2 to 18.5 s pass before the kill, to vary its time between two heartbeats.
        var wait = TimeSpan.FromSeconds(2 + (new Random((int)seed).NextDouble() * 16.5));
        for (var change = 0; churn && cluster.Now < wait; change++)
        {
            a.Update(process, People.Topic(change % 10), People.Key(change), People.Meta(change, version: 1));
            cluster.Run(TimeSpan.FromMilliseconds(200));
        }

        cluster.Run(wait - cluster.Now > TimeSpan.Zero ? wait - cluster.Now : TimeSpan.Zero);
        if (b.EntryCount != 1000)
        {
            throw new InvalidOperationException($"b lists {b.EntryCount} of 1000 before the kill.");
        }

        var begun = cluster.Now;
        a.Crash();
        var left = cluster.RunUntil(() => b.EntryCount == 0, TimeSpan.FromMinutes(5));
        cluster.ThrowIfViolated();
        return left
            ? (cluster.Now - begun).TotalMilliseconds
            : throw new InvalidOperationException("The presences of the killed node did not leave within 5 min.");
    }
}
