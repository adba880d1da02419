namespace Presence.Benchmarks.Rows;

/// <summary>
/// Track calls to grains on one silo from inside it, by 100 concurrent callers. Each call tracks a new presence with a
/// new lease and key and prepared metadata; none leaves. With a receiver, the time lasts until it has all changes.
/// </summary>
internal static class OrleansTrackRows
{
    private const string Group = "orleans calls";

    private enum Receiver
    {
        None,
        Observer,
        Stream,
    }

    public static IEnumerable<Row> All =>
    [
        new(Group, "track, one topic, 100 callers", "calls/s", e => TrackAsync(e, topics: 1)),
        new(Group, "track, 100 topics, 100 callers", "calls/s", e => TrackAsync(e, topics: 100)),
        new(Group, "track, 100 followed topics, 100 callers", "calls/s", e => TrackAsync(
            e, topics: 100, Receiver.Stream)),
        new(Group, "track, 100 watched topics, 100 callers", "calls/s", e => TrackAsync(
            e, topics: 100, Receiver.Observer)),
        new(Group, "track, 100 topics without diff streams, 100 callers", "calls/s", e =>
            TrackAsync(e, topics: 100, diffStreams: false)),
        new(Group, "track, 100 topics, one of three silos, 100 callers", "calls/s", e => TrackAsync(
            e, topics: 100, others: 2)),
        new(Group, "track through IPresenceClient, 100 topics, 100 callers", "calls/s", TrackByClientAsync),
    ];

    private static async Task<double> TrackAsync(
        Effort effort,
        int topics,
        Receiver receiver = Receiver.None,
        bool diffStreams = true,
        int others = 0)
    {
        await using var silos = await OrleansSilos.StartAsync(1 + others, o => o.TopicStreams = diffStreams);
        var grains = Enumerable.Range(0, topics)
            .Select(i => silos.GrainsOf(0).GetGrain<ITopicPresenceGrain>(People.Topic(i)))
            .ToArray();
        var client = silos.ServiceOf<IPresenceClient>(0);
        var received = 0;
        var subscriptions = new List<ITopicSubscription>();
        for (var i = 0; receiver != Receiver.None && i < topics; i++)
        {
            subscriptions.Add(receiver == Receiver.Observer
                ? await client.SubscribeAsync(People.Topic(i), OnChanges)
                : await client.SubscribeAsync(People.Topic(i), OnChanges, SubscriptionKind.Stream));
        }

        var metas = Metas(effort);
        var warm = 0;
        await OrleansCallRows.WarmAsync(async i =>
        {
            var handle = await grains[i % topics].Track($"warm {i}", metas[i % metas.Length]);
            await grains[i % topics].EndLeases([handle.Lease]);
            Interlocked.Add(ref warm, 2);
        });
        await ReceivedAsync(warm);
        var begun = Stopwatch.GetTimestamp();
        await OrleansCallRows.CallAsync(metas.Length, i => grains[i % topics].Track(People.Key(i), metas[i]));
        await ReceivedAsync(warm + metas.Length);
        var rate = metas.Length / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        foreach (var subscription in subscriptions)
        {
            await subscription.DisposeAsync();
        }

        return rate;

        Task ReceivedAsync(int all) => subscriptions.Count == 0
            ? Task.CompletedTask
            : Nodes.UntilAsync(() => Volatile.Read(ref received) == all, "all subscribers received all changes");

        ValueTask OnChanges(IReadOnlyList<PresenceChange> changes)
        {
            Interlocked.Add(ref received, changes.Count);
            return default;
        }
    }

    private static async Task<double> TrackByClientAsync(Effort effort)
    {
        await using var silos = await OrleansSilos.StartAsync(1);
        var client = silos.ServiceOf<IPresenceClient>(0);
        var metas = Metas(effort);
        await OrleansCallRows.WarmAsync(async i =>
        {
            await using var tracked = await client.TrackAsync(
                People.Topic(i % 100), $"warm {i}", metas[i % metas.Length]);
        });
        return await OrleansCallRows.CallAsync(
            effort.Tracks, i => client.TrackAsync(People.Topic(i % 100), People.Key(i), metas[i]));
    }

    private static PresenceMeta[] Metas(Effort effort) =>
        [.. Enumerable.Range(0, effort.Tracks * 2).Select(i => People.Meta(i))];
}
