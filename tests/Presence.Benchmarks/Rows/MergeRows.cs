namespace Presence.Benchmarks.Rows;

/// <summary>
/// What it costs to take changes of another member. More is timed than in the baseline, which timed the merge of the set
/// alone: here the shard takes the frame, merges it, updates the read index and makes the diff.
/// </summary>
internal static class MergeRows
{
    private const string Group = "merge";

    /// <summary>The incarnation of the first member that joins anew.</summary>
    private const ulong FirstJoin = 2;

    private const ulong JoinsToWarmUp = 12;

    public static IEnumerable<Row> All =>
    [
        Row.Of(Group, "delta of 1 join into 10000 remote", "ms", effort => OneJoin(10_000, effort)),
        Row.Of(Group, "delta of 1 join into 100000 remote", "ms", effort => OneJoin(100_000, effort)),
        Row.Of(Group, "delta of 1 join into 1000000 remote", "ms", effort => OneJoin(1_000_000, effort)),
        Row.Of(Group, "delta of 100 leaves into 100000 remote", "ms", Leaves),
        Row.Of(Group, "delta of 1000 updates into 100000 remote", "ms", Updates),
        new(Group, "full state of 100000, build + encode + decode + merge", "ms", FullStateAsync),
        Row.Of(Group, "replica down, 100000", "ms", Down),
        Row.Of("wire", "full state, per presence", "B", effort => Filled(100_000).JoinAnew(2).Bytes / 100_000.0),
    ];

    private static double OneJoin(int size, Effort effort)
    {
        var pair = Filled(size);
        return MedianOf(effort.Samples, i =>
        {
            pair.OpenWindow(i);
            pair.ChangeA((a, now, effects) =>
                a.Track(now, (ulong)(size + 1 + i), People.Topic(i % 1000), People.Key(size + i), People.Meta(i), effects));
            return pair.TakeAtB();
        });
    }

    private static double Leaves(Effort effort)
    {
        var pair = Filled(100_000);
        return MedianOf(Math.Min(effort.Samples / 10, 500), i =>
        {
            pair.OpenWindow(i);
            for (var j = 0; j < 100; j++)
            {
                var process = (ulong)(1 + (i * 100) + j);
                pair.ChangeA((a, now, effects) => a.UntrackAll(now, process, LeaveReason.ProcessEnded, effects));
            }

            return pair.TakeAtB();
        });
    }

    private static double Updates(Effort effort)
    {
        var pair = Filled(100_000);
        return MedianOf(Math.Min(effort.Samples / 10, 200), i =>
        {
            pair.OpenWindow(i);
            for (var j = 0; j < 1000; j++)
            {
                var number = ((i * 1000) + j) % 100_000;
                pair.ChangeA((a, now, effects) => a.Update(
                    now, (ulong)(1 + number), People.Topic(number % 1000), People.Key(number), _ => People.Meta(number, 1 + i), effects));
            }

            return pair.TakeAtB();
        });
    }

    private static async Task<double> FullStateAsync(Effort effort)
    {
        var pair = Filled(100_000);
        for (var warm = 0UL; warm < JoinsToWarmUp; warm++)
        {
            // The run-time's compiler works beside, one step for each pause, and must be done before the clock runs.
            pair.JoinAnew(FirstJoin + warm);
            await Task.Delay(millisecondsDelay: 150);
        }

        return MedianOf(effort.Heavy + 2, i =>
        {
            pair.ForgetB();
            Memory.CleanUp();
            return pair.JoinAnew(FirstJoin + JoinsToWarmUp + (ulong)i).Took;
        });
    }

    private static double Down(Effort effort) => MedianOf(effort.Heavy, _ => Filled(100_000).LoseA());

    private static ShardPair Filled(int size)
    {
        var pair = new ShardPair();
        pair.Fill(size, topics: 1000);
        return pair;
    }

    private static double MedianOf(int samples, Func<int, TimeSpan> sample) =>
        Statistics.Median(Enumerable.Range(0, samples).Select(i => sample(i).TotalMilliseconds).ToList());
}
