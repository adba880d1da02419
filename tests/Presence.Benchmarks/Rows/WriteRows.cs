namespace Presence.Benchmarks.Rows;

/// <summary>
/// Calls on a single node with default options. Each presence has its own session unless stated otherwise.
/// </summary>
/// <remarks>Prepared objects are collected before timing, because moving them would dominate the result.</remarks>
internal static class WriteRows
{
    private const string Group = "write";

    /// <summary>The kinds of rows that were warmed up.</summary>
    private static readonly HashSet<(bool ManyCallers, bool ManyPresences)> Warm = [];

    private const int RoundsToWarmUp = 8;
    private const int OneOwner = 10_000;

    public static IEnumerable<Row> All =>
    [
        Row("track one topic, 1 caller", "calls/s", effort => TrackAsync(effort, topics: 1, shards: 1, callers: 1)),
        Row("track one topic, 8 callers", "calls/s", effort => TrackAsync(effort, topics: 1, shards: 1, callers: 8)),
        Row("track 10000 topics, 8 callers", "calls/s", effort => TrackAsync(effort, 10_000, shards: 1, callers: 8)),
        Row("track 10000 topics, 2 shards, 8 callers", "calls/s", effort => TrackAsync(effort, 10_000, 2, callers: 8)),
        Row("update value, one topic, 1 caller", "calls/s", effort => UpdateAsync(effort, byFunction: false)),
        Row("update function, one topic, 1 caller", "calls/s", effort => UpdateAsync(effort, byFunction: true)),
        Row("untrack one, one topic", "calls/s", effort => UntrackOneAsync(effort)),
        Row("track one topic, one owner of 10000", "calls/s", effort => TrackAsync(effort, 1, 1, 1, OneOwner)),
        Row("update value, one topic, one owner of 10000", "calls/s", effort => UpdateAsync(effort, false, OneOwner)),
        Row("untrack one, one topic, one owner of 10000", "calls/s", effort => UntrackOneAsync(effort, OneOwner)),
        Row("untrack process with 10 presences", "processes/s", UntrackAllAsync),
        Row("mass end, 20000 processes with 10 presences", "processes/s", MassEndAsync),
    ];

    private static Row Row(string name, string unit, Func<Effort, Task<double>> measure) =>
        new(Group, name, unit, measure) { LeastRuns = 3 };

    private static async Task<double> TrackAsync(
        Effort effort, int topics, int shards, int callers, int presencesEach = 1)
    {
        await WarmUpAsync(effort, topics, shards, callers, presencesEach);
        await using var crowd = await Crowd.PrepareAsync(effort.Tracks, topics, shards, presencesEach);
        Memory.CleanUp();
        var begun = Stopwatch.GetTimestamp();
        await crowd.TrackAllAsync(callers);
        return PerSecond(effort.Tracks, begun);
    }

    /// <summary>
    /// Warms up several times with a pause, so that the JIT compiler completes its tiers before timing. The first row
    /// of a kind does so for the others.
    /// </summary>
    private static async Task WarmUpAsync(Effort effort, int topics, int shards, int callers, int presencesEach)
    {
        var rounds = Warm.Add((callers > 1, presencesEach > 1)) ? RoundsToWarmUp : 1;
        for (var i = 0; i < rounds; i++)
        {
            await using var warm = await Crowd.PrepareAsync(effort.Tracks / 5, topics, shards, presencesEach);
            await warm.TrackAllAsync(callers);
            for (var j = 0; j < warm.Keys.Length; j++)
            {
                await warm.Tracker.UpdateAsync(warm.Processes[j], warm.TopicOf(j), warm.Keys[j], warm.MetaOf(j));
                if (presencesEach > 1 || j % 3 == 0)
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

    private static async Task<double> UpdateAsync(Effort effort, bool byFunction, int presencesEach = 1)
    {
        await using var crowd = await TrackedAsync(effort, effort.Updates, presencesEach);
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

    private static async Task<double> UntrackOneAsync(Effort effort, int presencesEach = 1)
    {
        await using var crowd = await TrackedAsync(effort, effort.Updates, presencesEach);
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
        await WarmUpAsync(effort, topics: 1, shards: 1, callers: 1, presencesEach);
        var crowd = await Crowd.PrepareAsync(count, topics: 1, shards: 1, presencesEach);
        await crowd.TrackAllAsync(callers: 1);
        return crowd;
    }

    private static double PerSecond(int calls, long begun) => calls / Stopwatch.GetElapsedTime(begun).TotalSeconds;
}
