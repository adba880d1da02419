using Presence.Tracker.Shard;

namespace Presence.Benchmarks.Rows;

/// <summary>
/// The cost of applying changes of another node. The baseline timed only the merge of the set; here the shard decodes
/// the frame, merges it, updates the read index and computes the diff.
/// </summary>
internal static class MergeRows
{
    private const string Group = "merge";

    /// <summary>Incarnation of the first node that joins again.</summary>
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

    private static double OneJoin(int size, Effort effort) => Changes(size, effort.Samples, 1, (a, n, now, effects) =>
        a.Track(now, (ulong)(size + 1 + n), People.Topic(n % 1000), People.Key(size + n), People.Meta(n), effects));

    private static double Leaves(Effort effort) => Changes(
        100_000, Math.Min(effort.Samples / 10, 500), 100, (a, n, now, effects) =>
            a.UntrackAll(now, (ulong)(1 + n), LeaveReason.SessionEnded, effects));

    private static double Updates(Effort effort) => Changes(
        100_000, Math.Min(effort.Samples / 10, 200), 1000, (a, n, now, effects) =>
        {
            var (i, version) = (n % 100_000, 1 + (n / 1000));
            a.Update(now, (ulong)(1 + i), People.Topic(i % 1000), People.Key(i), _ => People.Meta(i, version), effects);
        });

    /// <param name="together">Changes per sample.</param>
    private static double Changes(
        int size, int samples, int together, Action<TrackerShard, int, TimeSpan, ShardEffects> change)
    {
        var pair = Filled(size);
        return MedianOf(samples, i =>
        {
            pair.OpenWindow(i);
            for (var n = i * together; n < (i + 1) * together; n++)
            {
                pair.ChangeA((a, now, effects) => change(a, n, now, effects));
            }

            return pair.TakeAtB();
        });
    }

    private static async Task<double> FullStateAsync(Effort effort)
    {
        var pair = Filled(100_000);
        for (var warm = 0UL; warm < JoinsToWarmUp; warm++)
        {
            // The JIT compiler works concurrently, one step per pause, and must be done before timing.
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
