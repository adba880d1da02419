namespace Presence.Benchmarks.Rows;

/// <summary>
/// Grain calls that track, on one silo from inside it, by 100 callers at once, each with one call under way. Each call is a
/// presence of its own, under a new lease and key, with metadata that was made beforehand; nobody leaves.
/// </summary>
internal static class OrleansTrackRows
{
    private const string Group = "orleans calls";

    private enum Ear
    {
        Nobody,
        Observer,
        Stream,
    }

    public static IEnumerable<Row> All =>
    [
        new(Group, "track, one topic, 100 callers", "calls/s", e => TrackAsync(e, topics: 1)),
        new(Group, "track, 100 topics, 100 callers", "calls/s", e => TrackAsync(e, topics: 100)),
        new(Group, "track, 100 followed topics, 100 callers", "calls/s", e => TrackAsync(e, topics: 100, Ear.Stream)),
        new(Group, "track, 100 watched topics, 100 callers", "calls/s", e => TrackAsync(e, topics: 100, Ear.Observer)),
        new(Group, "track, 100 topics without diff streams, 100 callers", "calls/s", e =>
            TrackAsync(e, topics: 100, diffStreams: false)),
        new(Group, "track, 100 topics, one of three silos, 100 callers", "calls/s", e => TrackAsync(e, topics: 100, others: 2)),
        new(Group, "track through IPresenceClient, 100 topics, 100 callers", "calls/s", TrackByClientAsync),
    ];

    private static async Task<double> TrackAsync(
        Effort effort,
        int topics,
        Ear ear = Ear.Nobody,
        bool diffStreams = true,
        int others = 0)
    {
        await using var silos = await OrleansSilos.StartAsync(1 + others, o => o.DiffStreams = diffStreams);
        var grains = Enumerable.Range(0, topics)
            .Select(i => silos.GrainsOf(0).GetGrain<ITopicPresenceGrain>(People.Topic(i)))
            .ToArray();
        var client = silos.ServiceOf<IPresenceClient>(0);
        var heard = 0;
        var watches = new List<ITopicWatch>();
        for (var i = 0; ear != Ear.Nobody && i < topics; i++)
        {
            watches.Add(ear == Ear.Observer
                ? await client.WatchAsync(People.Topic(i), Hear)
                : await client.FollowAsync(People.Topic(i), Hear));
        }

        var metas = Metas(effort);
        await OrleansCallRows.CallAsync(effort.Tracks / 2, i => grains[i % topics].Track($"warm {i}", metas[i]));
        var rate = await OrleansCallRows.CallAsync(metas.Length, i => grains[i % topics].Track(People.Key(i), metas[i]));
        await Members.UntilAsync(
            () => watches.Count == 0 || Volatile.Read(ref heard) == metas.Length + (effort.Tracks / 2),
            "all who listen have heard of all");
        foreach (var watch in watches)
        {
            await watch.DisposeAsync();
        }

        return rate;

        ValueTask Hear(IReadOnlyList<PresenceChange> changes)
        {
            Interlocked.Add(ref heard, changes.Count);
            return default;
        }
    }

    private static async Task<double> TrackByClientAsync(Effort effort)
    {
        await using var silos = await OrleansSilos.StartAsync(1);
        var client = silos.ServiceOf<IPresenceClient>(0);
        var metas = Metas(effort);
        await OrleansCallRows.CallAsync(
            effort.Tracks / 2, i => client.TrackAsync(People.Topic(i % 100), $"warm {i}", metas[i]));
        return await OrleansCallRows.CallAsync(
            effort.Tracks, i => client.TrackAsync(People.Topic(i % 100), People.Key(i), metas[i]));
    }

    private static PresenceMeta[] Metas(Effort effort) =>
        [.. Enumerable.Range(0, effort.Tracks * 2).Select(i => People.Meta(i))];
}
