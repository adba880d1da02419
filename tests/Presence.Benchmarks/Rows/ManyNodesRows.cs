namespace Presence.Benchmarks.Rows;

/// <summary>What replication costs with more and more nodes: simulated with the real shard and codec.</summary>
internal static class ManyNodesRows
{
    private const string Group = "many nodes";

    public static IEnumerable<Row> All => new[] { 3, 10, 30, 100 }.SelectMany(ManyNodes);

    private static IEnumerable<Row> ManyNodes(int nodes)
    {
        const int Seconds = 2;
        foreach (var rate in new[] { 0, 100, 1000 })
        {
            var per = rate == 0 ? "second" : "change";
            var run = new OneRun(_ => Task.FromResult(RunMesh(nodes, rate, Seconds)));
            var what = rate == 0 ? $"{nodes} idle nodes" : $"{nodes} nodes, {rate} changes/s";
            yield return new(Group, $"{what}, received frames per {per}", "frames", run.Value(0));
            yield return new(Group, $"{what}, received bytes per {per}", "B", run.Value(1));
            yield return new(Group, $"{what}, processor of all nodes per {per}", "us", run.Value(2));
        }
    }

    /// <summary>Returns the frames, bytes and microseconds per change, or per second if there are none.</summary>
    private static IReadOnlyList<double> RunMesh(int nodes, int rate, int seconds)
    {
        var mesh = new ShardMesh(nodes);
        var begun = Stopwatch.GetTimestamp();
        mesh.Run(TimeSpan.FromSeconds(seconds), rate);
        var took = Stopwatch.GetElapsedTime(begun).TotalMicroseconds;
        double count = seconds * Math.Max(rate, 1);
        return [mesh.Frames / count, mesh.Bytes / count, took / count];
    }
}
