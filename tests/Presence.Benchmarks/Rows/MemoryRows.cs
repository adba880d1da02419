namespace Presence.Benchmarks.Rows;

/// <summary>Memory per presence after collection.</summary>
internal static class MemoryRows
{
    private const string Group = "memory";

    public static IEnumerable<Row> All =>
    [
        Row.Of(Group, "replicated presence, 100000", "B", _ => Replicated(100_000)),
        // A process that has grown already grows less.
        new(Group, "tracked presence, 1000000, whole process", "B", effort => TrackedAsync(effort.Tracks * 10))
        {
            NeedsOwnProcess = true,
        },
    ];

    /// <summary>Measures the shard that holds remote presences: its set and its read index.</summary>
    private static double Replicated(int count)
    {
        var pair = new ShardPair();
        pair.Fill(count, topics: 1000);
        var with = Memory.Living();
        pair.ForgetB();
        var without = Memory.Living();
        GC.KeepAlive(pair);
        return (with - without) / (double)count;
    }

    /// <summary>Measures the growth of the process: sessions, links, set, index and strings.</summary>
    private static async Task<double> TrackedAsync(int count)
    {
        await using var nodes = await Nodes.StartAsync(1);
        var node = nodes[0];
        await node.Tracker.TrackAsync(node.OpenSession(), "warm", "up");
        var without = Memory.WholeProcess();
        for (var i = 0; i < count; i++)
        {
            await node.Tracker.TrackAsync(node.OpenSession(), People.Topic(i % 1000), People.Key(i), People.Meta(i));
        }

        var with = Memory.WholeProcess();
        return (with - without) / (double)count;
    }
}
