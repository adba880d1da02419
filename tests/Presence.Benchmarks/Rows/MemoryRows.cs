namespace Presence.Benchmarks.Rows;

/// <summary>What a presence occupies, after collection.</summary>
internal static class MemoryRows
{
    private const string Group = "memory";

    public static IEnumerable<Row> All =>
    [
        Row.Of(Group, "replicated presence, 100000", "B", _ => Replicated(100_000)),
        // Once: a process that has grown already does not grow by as much again.
        new(Group, "tracked presence, 1000000, whole process", "B", effort => TrackedAsync(effort.Tracks * 10)) { MostRuns = 1 },
    ];

    /// <summary>The shard that holds another's presences: its set and its read index, all of it.</summary>
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

    /// <summary>Growth of the process by processes, their links, the set, the index and the texts themselves.</summary>
    private static async Task<double> TrackedAsync(int count)
    {
        await using var members = await Members.StartAsync(1);
        var node = members[0];
        await node.Tracker.TrackAsync(node.StartProcess(), "warm", "up");
        var without = Memory.WholeProcess();
        for (var i = 0; i < count; i++)
        {
            await node.Tracker.TrackAsync(node.StartProcess(), People.Topic(i % 1000), People.Key(i), People.Meta(i));
        }

        var with = Memory.WholeProcess();
        return (with - without) / (double)count;
    }
}
