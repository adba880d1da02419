namespace Presence.Node.Tests.KeyWatching;

[Collection(nameof(KeyWatchMemoryTests))]
public sealed class KeyWatchMemoryTests
{
    private const int Users = 1000, Friends = 1000;

    [Fact]
    public async Task Edge_takes_at_most_64_bytes()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, random) = (cluster.Tracker(0), new Random(1));
        await CloseAsync(await OpenAsync(tracker, random, 10));
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var watches = await OpenAsync(tracker, random, Users);
        var after = GC.GetTotalMemory(forceFullCollection: true);
        Assert.Equal(Users * Friends, tracker.KeyWatches!.Edges);
        Assert.InRange((after - before) / (double)(Users * Friends), 16, 64);
        await CloseAsync(watches);
        watches.Clear();
        after = GC.GetTotalMemory(forceFullCollection: true);
        Assert.InRange(after - before, long.MinValue, Users * Friends);
    }

    /// <summary>Opens watches of friends among 100,000 users, each with texts of its own, as requests have.</summary>
    private static async Task<List<IAsyncEnumerator<IReadOnlyList<KeyChange>>>> OpenAsync(
        IPresenceTracker tracker, Random random, int users)
    {
        var watches = new List<IAsyncEnumerator<IReadOnlyList<KeyChange>>>(users);
        for (var user = 0; user < users; user++)
        {
            var friends = new HashSet<string>(StringComparer.Ordinal);
            while (friends.Count < Friends)
            {
                friends.Add($"user-{random.Next(100_000):d6}");
            }

            var watch = tracker.WatchKeysAsync(friends, "user:*").GetAsyncEnumerator();
            Assert.True(await watch.MoveNextAsync());
            Assert.Empty(watch.Current);
            watches.Add(watch);
        }

        return watches;
    }

    private static async Task CloseAsync(List<IAsyncEnumerator<IReadOnlyList<KeyChange>>> watches)
    {
        foreach (var watch in watches)
        {
            await watch.DisposeAsync();
        }
    }

    [CollectionDefinition(nameof(KeyWatchMemoryTests), DisableParallelization = true)]
    public sealed class Alone;
}
