namespace Presence.Benchmarks.Rows;

/// <summary>Reads of one topic. "list" obtains the snapshot and visits every presence in it.</summary>
internal static class ReadRows
{
    private const string Group = "read";

    /// <summary>Preallocated capacity: a growing list would cause collections.</summary>
    private const int MaxReads = 20_000_000;

    /// <summary>
    /// How long writers run before reads are timed, so that code is optimized and collections have grown.
    /// </summary>
    private static readonly TimeSpan UntilSteady = TimeSpan.FromSeconds(3);

    public static IEnumerable<Row> All =>
    [
        new(Group, "list 10", "us", effort => CallAsync(effort, 10, batch: 100, Visit)),
        new(Group, "list 1000", "us", effort => CallAsync(effort, 1000, batch: 10, Visit)),
        new(Group, "list 10000", "us", effort => CallAsync(effort, 10_000, batch: 1, Visit)),
        new(Group, "list 100000", "us", effort => CallAsync(effort, 100_000, batch: 1, Visit)),
        new(Group, "list 100000, obtain snapshot only", "us", effort =>
            CallAsync(effort, 100_000, batch: 1000, (tracker, topic) => tracker.List(topic).Count)),
        new(Group, "get by key in 10", "us", effort =>
            CallAsync(effort, 10, batch: 1000, (tracker, topic) => tracker.GetByKey(topic, "7").Count)),
        new(Group, "get by key in 100000", "us", effort =>
            CallAsync(effort, 100_000, batch: 1000, (tracker, topic) => tracker.GetByKey(topic, "77777").Count)),
        new(Group, "count of 100000", "us", effort =>
            CallAsync(effort, 100_000, batch: 1000, (tracker, topic) => tracker.Count(topic))),
        new(Group, "list 10 while 2 callers track, p99", "us", WhileTrackedAsync),
        new(Group, "list 100 at a replica of 100000 under churn, max", "us", AtReplicaAsync),
        .. AtFixedRate(ahead: true),
    ];

    /// <summary>The rows at a fixed rate again, with arrivals of normal priority.</summary>
    public static IEnumerable<Row> AsAnyThread =>
    [
        .. AtFixedRate(ahead: false),
        .. AtFixedRate("list 10 at 10000/s while 2 threads spin", ahead: false, OpenLoopWhileSpinningAsync),
    ];

    private static IEnumerable<Row> AtFixedRate(bool ahead) =>
    [
        .. AtFixedRate("list 10 at 10000/s while 2 callers track", ahead, OpenLoopWhileTrackedAsync),
        .. AtFixedRate("list 100 at 10000/s at a replica of 100000 under churn", ahead, OpenLoopAtReplicaAsync),
    ];

    private static IEnumerable<Row> AtFixedRate(
        string name, bool ahead, Func<Effort, bool, Task<IReadOnlyList<double>>> measure)
    {
        var run = new OneRun(effort => measure(effort, ahead));
        var how = ahead ? "" : ", arrivals as any thread";
        yield return new(Group, $"{name}{how}, p99", "us", run.Percentile(0.99));
        yield return new(Group, $"{name}{how}, max", "us", run.Percentile(1));
    }

    private static async Task<double> CallAsync(
        Effort effort, int nodes, int batch, Func<IPresenceTracker, string, int> read)
    {
        await using var crowd = await Crowd.TrackedAsync(nodes, topics: 1);
        var topic = crowd.TopicOf(0);
        if (read(crowd.Tracker, topic) == 0)
        {
            throw new InvalidOperationException($"No presence found in {topic}.");
        }

        return Statistics.MicrosecondsPerCall(
            Math.Max(20, effort.Samples / 10), batch, () => read(crowd.Tracker, topic));
    }

    private static async Task<double> WhileTrackedAsync(Effort effort)
    {
        await using var crowd = await Crowd.PrepareAsync(effort.Tracks * 4, topics: 1, shards: 1);
        var session = crowd.Processes[0];
        for (var i = 0; i < 10; i++)
        {
            await crowd.Tracker.TrackAsync(session, "small", People.Key(i), crowd.MetaOf(i));
        }

        var times = new List<double>(MaxReads);
        Memory.CleanUp();
        var tracking = crowd.TrackAllAsync(callers: 2);
        while (!tracking.IsCompleted && times.Count < MaxReads)
        {
            times.Add(Timed(() => Visit(crowd.Tracker, "small")));
        }

        await tracking;
        return Statistics.Percentile(times, 0.99);
    }

    private static async Task<double> AtReplicaAsync(Effort effort)
    {
        await using var nodes = await Nodes.StartAsync(2);
        var (a, b) = (nodes[0].Tracker, nodes[1].Tracker);
        var session = await Nodes.FillAsync(nodes[0], 100_000);
        await Nodes.UntilAsync(() => Nodes.Entries(b) == 100_000, "the replica lists all 100000");
        var topic = People.Topic(500);
        var longest = 0.0;
        Memory.CleanUp();
        var watched = Stopwatch.StartNew();
        for (var change = 0; watched.Elapsed < effort.Watching; change++)
        {
            await a.UpdateAsync(
                session, People.Topic(change % 1000), People.Key(change), People.Meta(change, version: 1));
            while (watched.Elapsed < TimeSpan.FromMilliseconds(200 * (change + 1)))
            {
                longest = Math.Max(longest, Timed(() => Visit(b, topic)));
            }
        }

        return longest;
    }

    private static async Task<IReadOnlyList<double>> OpenLoopWhileTrackedAsync(Effort effort, bool ahead)
    {
        await using var crowd = await Crowd.PrepareAsync(effort.Tracks, topics: 1, shards: 1);
        for (var i = 0; i < 10; i++)
        {
            await crowd.Tracker.TrackAsync(crowd.Processes[i], "small", crowd.Keys[i], crowd.MetaOf(i));
        }

        // Collects prepared objects, so that timed collections only see those of the writers.
        Memory.CleanUp();
        using var stop = new CancellationTokenSource();
        var half = effort.Tracks / 2;
        Task[] writers =
            [WriteAsync(crowd, 0, half, stop.Token), WriteAsync(crowd, half, effort.Tracks, stop.Token)];
        await Task.Delay(UntilSteady);
        var times = await OpenLoop.RunAsync(10_000, effort.Watching, ahead, () => Visit(crowd.Tracker, "small"));
        await stop.CancelAsync();
        await Task.WhenAll(writers);
        return times;
    }

    /// <summary>
    /// Measures the same reads beside two computing threads that share nothing with them: the scheduling latency of the
    /// machine.
    /// </summary>
    private static async Task<IReadOnlyList<double>> OpenLoopWhileSpinningAsync(Effort effort, bool ahead)
    {
        await using var crowd = await Crowd.TrackedAsync(10, topics: 1);
        using var stop = new CancellationTokenSource();
        var spinners = Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(
            () =>
            {
                for (var turns = 0L; !stop.IsCancellationRequested; turns++)
                {
                    Thread.SpinWait(iterations: 20);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)).ToArray();
        var times = await OpenLoop.RunAsync(
            10_000, effort.Watching, ahead, () => Visit(crowd.Tracker, crowd.TopicOf(0)));
        await stop.CancelAsync();
        await Task.WhenAll(spinners);
        return times;
    }

    /// <summary>Tracks and untracks its share of the presences as fast as it can.</summary>
    private static Task WriteAsync(Crowd crowd, int from, int to, CancellationToken stop) => Task.Run(
        async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                for (var i = from; i < to && !stop.IsCancellationRequested; i++)
                {
                    await crowd.Tracker.TrackAsync(
                        crowd.Processes[i], crowd.TopicOf(0), crowd.Keys[i], crowd.MetaOf(i));
                }

                for (var i = from; i < to; i++)
                {
                    await crowd.Tracker.UntrackAsync(crowd.Processes[i], crowd.TopicOf(0), crowd.Keys[i]);
                }
            }
        },
        CancellationToken.None);

    private static async Task<IReadOnlyList<double>> OpenLoopAtReplicaAsync(Effort effort, bool ahead)
    {
        await using var nodes = await Nodes.StartAsync(2);
        var (a, b) = (nodes[0].Tracker, nodes[1].Tracker);
        var session = await Nodes.FillAsync(nodes[0], 100_000);
        await Nodes.UntilAsync(() => Nodes.Entries(b) == 100_000, "the replica lists all 100000");
        Memory.CleanUp();
        var topic = People.Topic(500);
        using var stop = new CancellationTokenSource();
        var churn = Task.Run(async () =>
        {
            for (var change = 0; !stop.IsCancellationRequested; change++)
            {
                var at = change % 100_000;
                await a.UpdateAsync(session, People.Topic(at % 1000), People.Key(at), People.Meta(at, version: 1));
                if (change % 10 == 0)
                {
                    // About 1000 changes a second.
                    await Task.Delay(millisecondsDelay: 10);
                }
            }
        });
        await Task.Delay(UntilSteady);
        var times = await OpenLoop.RunAsync(10_000, effort.Watching, ahead, () => Visit(b, topic));
        await stop.CancelAsync();
        await churn;
        return times;
    }

    private static int Visit(IPresenceTracker tracker, string topic)
    {
        var bytes = 0;
        foreach (var entry in tracker.List(topic))
        {
            bytes += entry.Meta.Length;
        }

        return bytes;
    }

    private static double Timed(Func<int> read)
    {
        var begun = Stopwatch.GetTimestamp();
        read();
        // Stopwatch ticks, because some reads are shorter than a tick of TimeSpan (0.1 us).
        return (Stopwatch.GetTimestamp() - begun) * 1e6 / Stopwatch.Frequency;
    }
}
