namespace Presence.Benchmarks.Rows;

/// <summary>Calls of one member that is alone, with default options. Each presence has a process of its own unless said.</summary>
/// <remarks>What was prepared is collected before the clock runs: it belongs to the callers, and moving it would be most of the work.</remarks>
internal static class WriteRows
{
    private const string Group = "write";

    /// <summary>Whether one caller was warmed up, and whether several were.</summary>
    private static readonly HashSet<bool> Warm = [];

    private const int RoundsToWarmUp = 8;

    public static IEnumerable<Row> All =>
    [
        Row("track one topic, 1 caller", "calls/s", effort => TrackAsync(effort, topics: 1, shards: 1, callers: 1)),
        Row("track one topic, 8 callers", "calls/s", effort => TrackAsync(effort, topics: 1, shards: 1, callers: 8)),
        Row("track 10000 topics, 8 callers", "calls/s", effort => TrackAsync(effort, 10_000, shards: 1, callers: 8)),
        Row("track 10000 topics, 2 shards, 8 callers", "calls/s", effort => TrackAsync(effort, 10_000, 2, callers: 8)),
        Row("update value, one topic, 1 caller", "calls/s", effort => UpdateAsync(effort, byFunction: false)),
        Row("update function, one topic, 1 caller", "calls/s", effort => UpdateAsync(effort, byFunction: true)),
        Row("untrack one, one topic", "calls/s", UntrackOneAsync),
        Row("untrack process with 10 presences", "processes/s", UntrackAllAsync),
        Row("mass end, 20000 processes with 10 presences", "processes/s", MassEndAsync),
    ];

    private static Row Row(string name, string unit, Func<Effort, Task<double>> measure) => new(Group, name, unit, measure) { LeastRuns = 3 };

    private static async Task<double> TrackAsync(Effort effort, int topics, int shards, int callers)
    {
        await WarmUpAsync(effort, topics, shards, callers);
        await using var crowd = await Crowd.PrepareAsync(effort.Tracks, topics, shards);
        Memory.CleanUp();
        var begun = Stopwatch.GetTimestamp();
        await crowd.TrackAllAsync(callers);
        return PerSecond(effort.Tracks, begun);
    }

    /// <summary>
    /// Several times with a pause: each lets the run-time's compiler take one of its steps (from quick code to counted to optimized) before
    /// the clock runs. The first row that calls alike does so for the others.
    /// </summary>
    private static async Task WarmUpAsync(Effort effort, int topics, int shards, int callers)
    {
        var rounds = Warm.Add(callers > 1) ? RoundsToWarmUp : 1;
        for (var i = 0; i < rounds; i++)
        {
            await using var warm = await Crowd.PrepareAsync(effort.Tracks / 5, topics, shards);
            await warm.TrackAllAsync(callers);
            for (var j = 0; j < warm.Keys.Length; j++)
            {
                await warm.Tracker.UpdateAsync(warm.Processes[j], warm.TopicOf(j), warm.Keys[j], warm.MetaOf(j));
                if (j % 3 == 0)
                {
                    await warm.Tracker.UntrackAsync(warm.Processes[j], warm.TopicOf(j), warm.Keys[j]);
                }
                else
                {
                    await warm.Tracker.UntrackAllAsync(warm.Processes[j]);
                }
            }

            if (rounds > 1)
            {
                await Task.Delay(millisecondsDelay: 200);
            }
        }
    }

    private static async Task<double> UpdateAsync(Effort effort, bool byFunction)
    {
        await using var crowd = await TrackedAsync(effort, effort.Updates);
        var metas = Enumerable.Range(0, effort.Updates).Select(i => People.Meta(i, version: 1)).ToArray();
        Memory.CleanUp();
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < metas.Length; i++)
        {
            if (byFunction)
            {
                var meta = metas[i];
                await crowd.Tracker.UpdateAsync(crowd.Processes[i], crowd.TopicOf(i), crowd.Keys[i], _ => meta);
            }
            else
            {
                await crowd.Tracker.UpdateAsync(crowd.Processes[i], crowd.TopicOf(i), crowd.Keys[i], metas[i]);
            }
        }

        return PerSecond(metas.Length, begun);
    }

    private static async Task<double> UntrackOneAsync(Effort effort)
    {
        await using var crowd = await TrackedAsync(effort, effort.Updates);
        Memory.CleanUp();
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < effort.Updates; i++)
        {
            await crowd.Tracker.UntrackAsync(crowd.Processes[i], crowd.TopicOf(i), crowd.Keys[i]);
        }

        return PerSecond(effort.Updates, begun);
    }

    private static async Task<double> UntrackAllAsync(Effort effort)
    {
        var processes = effort.Tracks / 20;
        await using var crowd = await TrackedAsync(effort, processes * 10, presencesEach: 10);
        Memory.CleanUp();
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < processes; i++)
        {
            await crowd.Tracker.UntrackAllAsync(crowd.Processes[i * 10]);
        }

        return PerSecond(processes, begun);
    }

    private static async Task<double> MassEndAsync(Effort effort)
    {
        var processes = effort.Tracks / 5;
        await using var crowd = await TrackedAsync(effort, processes * 10, presencesEach: 10);
        Memory.CleanUp();
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < processes; i++)
        {
            crowd.Processes[i * 10].End();
        }

        while (crowd.Tracker.Count(crowd.TopicOf(0)) > 0)
        {
            await Task.Yield();
        }

        return PerSecond(processes, begun);
    }

    private static async Task<Crowd> TrackedAsync(Effort effort, int count, int presencesEach = 1)
    {
        await WarmUpAsync(effort, topics: 1, shards: 1, callers: 1);
        var crowd = await Crowd.PrepareAsync(count, topics: 1, shards: 1, presencesEach);
        await crowd.TrackAllAsync(callers: 1);
        return crowd;
    }

    private static double PerSecond(int calls, long begun) => calls / Stopwatch.GetElapsedTime(begun).TotalSeconds;
}
