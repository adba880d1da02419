using Presence.TestKit;

namespace Presence.Benchmarks.Rows;

/// <summary>
/// Two members with default options. Changes and the late joiner run on the embedded engine in real time; a killed member is
/// simulated, with the real shard and codec, and the time is the one the members lived through.
/// </summary>
internal static class ClusterRows
{
    private const string Group = "cluster";

    private static readonly OneRun Change = new(ChangeAsync);

    public static IEnumerable<Row> All =>
    [
        new(Group, "change to handler on another member, p50", "ms", Change.Percentile(0.5)),
        new(Group, "change to handler on another member, p99", "ms", Change.Percentile(0.99)),
        new(Group, "late joiner holds 100000, quiet", "ms", _ => LateJoinerAsync()),
        Row.Of(Group, "killed member's leaves, quiet", "ms", effort => Killed(effort, churn: false)),
        Row.Of(Group, "killed member's leaves, under churn", "ms", effort => Killed(effort, churn: true)),
    ];

    private static async Task<IReadOnlyList<double>> ChangeAsync(Effort effort)
    {
        await using var members = await Members.StartAsync(2);
        var joins = new Joins();
        await using var added = await members[1].Tracker.AddHandlerAsync(joins);
        return await joins.MeasureAsync(effort, members[0]);
    }

    private static async Task<double> LateJoinerAsync()
    {
        await using var members = await Members.StartAsync(1);
        await Members.FillAsync(members[0], 100_000);
        var begun = Stopwatch.GetTimestamp();
        var joiner = await members.AddAsync();
        await Members.UntilAsync(() => Members.Entries(joiner.Tracker) == 100_000, "the joiner holds all 100000");
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
        var process = a.StartProcess();
        a.TrackMany(process, [.. Enumerable.Range(0, 1000).Select(i => new TrackRequest(People.Topic(i % 10), People.Key(i), People.Meta(i)))]);

        // The baseline waited between 2 and 18.5 s before the kill, so that it fell anywhere between two heartbeats.
        var wait = TimeSpan.FromSeconds(2 + (new Random((int)seed).NextDouble() * 16.5));
        for (var change = 0; churn && cluster.Now < wait; change++)
        {
            a.Update(process, People.Topic(change % 10), People.Key(change), People.Meta(change, version: 1));
            cluster.Run(TimeSpan.FromMilliseconds(200));
        }

        cluster.Run(wait - cluster.Now > TimeSpan.Zero ? wait - cluster.Now : TimeSpan.Zero);
        if (b.Index.Count != 1000)
        {
            throw new InvalidOperationException($"b shows {b.Index.Count} of 1000 before the kill.");
        }

        var begun = cluster.Now;
        a.Crash();
        var left = cluster.RunUntil(() => b.Index.Count == 0, TimeSpan.FromMinutes(5));
        cluster.ThrowIfViolated();
        return left
            ? (cluster.Now - begun).TotalMilliseconds
            : throw new InvalidOperationException("The presences of the killed member did not leave within 5 min.");
    }
}
